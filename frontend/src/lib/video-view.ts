import type { StatusAnswer, VideoStatus } from "./api";

/** What is known of a video, from the answers so far. */
export type VideoView =
  | { phase: "loading"; reachable: boolean }
  | { phase: "missing" | "deleted" | "uploading"; reachable: boolean }
  | { phase: "pending" | "processing" | "done" | "error"; reachable: boolean; status: VideoStatus };

export const LOADING: VideoView = { phase: "loading", reachable: true };

/** An answer that did not come changes nothing but whether the server can be reached. */
export function nextView(view: VideoView, answer: StatusAnswer): VideoView {
  switch (answer.kind) {
    case "unreachable":
      return { ...view, reachable: false };
    case "missing":
      // What was there and is not any more was deleted.
      return { phase: "status" in view ? "deleted" : "missing", reachable: true };
    case "deleted":
    case "uploading":
      return { phase: answer.kind, reachable: true };
    case "status":
      return { phase: answer.status.status, reachable: true, status: answer.status };
  }
}

/** Whether later answers can differ. */
export function isSettled(view: VideoView): boolean {
  return !["loading", "uploading", "pending", "processing"].includes(view.phase);
}

const POLL_MS = 1_000;
const POLL_HIDDEN_MS = 5_000;
const POLL_UNREACHABLE_MAX_MS = 10_000;

/** How long to wait before asking again. */
export function pollDelayMs(view: VideoView, failures: number, hidden: boolean): number {
  if (!view.reachable) return Math.min(POLL_UNREACHABLE_MAX_MS, POLL_MS * 2 ** (failures - 1));
  return hidden ? POLL_HIDDEN_MS : POLL_MS;
}
