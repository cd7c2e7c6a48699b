import { fetchStatus, type StatusAnswer } from "./api";

let asked: { id: string; answer: Promise<StatusAnswer> } | null = null;

/** Asks for a video's status before the code of its page is there. */
export function askFirstStatus(id: string): void {
  asked = { id, answer: fetchStatus(id, new AbortController().signal) };
}

/** The answer on its way, once. */
export function takeFirstStatus(id: string): Promise<StatusAnswer> | null {
  const answer = asked?.id === id ? asked.answer : null;
  asked = null;
  return answer;
}
