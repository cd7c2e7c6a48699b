import { fetchStatus, type StatusAnswer, type VideoStatus } from "./api";

let asked: { id: string; answer: Promise<StatusAnswer> } | null = null;

/** Asks for a video's status before the code of its page is there, unless it came with the page. */
export function askFirstStatus(id: string): void {
  const status = servedStatus(id);
  const answer: Promise<StatusAnswer> = status
    ? Promise.resolve({ kind: "status", status })
    : fetchStatus(id, new AbortController().signal);
  asked = { id, answer };
}

/** The answer on its way, once. */
export function takeFirstStatus(id: string): Promise<StatusAnswer> | null {
  const answer = asked?.id === id ? asked.answer : null;
  asked = null;
  return answer;
}

/** What the server wrote into the HTML, which it does where it serves the pages itself. */
function servedStatus(id: string): VideoStatus | null {
  const json = document.getElementById("video-status")?.textContent;
  if (!json) return null;
  const status = JSON.parse(json) as VideoStatus;
  return status.id === id ? status : null;
}
