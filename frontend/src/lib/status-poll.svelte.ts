import { untrack } from "svelte";
import { fetchStatus } from "./api";
import { isSettled, LOADING, nextView, pollDelayMs, type VideoView } from "./video-view";

/** Asks for a video's status until it can no longer change. */
export class StatusPoll {
  view = $state.raw<VideoView>(LOADING);

  readonly #id: string;
  #abort = new AbortController();
  #timer: number | undefined;
  #failures = 0;

  constructor(id: string) {
    this.#id = id;
  }

  /** Begins asking; what it returns ends it. For `$effect`. */
  start(): () => void {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const now = () => void this.#ask();
    window.addEventListener("online", now, { signal });
    document.addEventListener("visibilitychange", now, { signal });
    // Not to be started again by what it finds out.
    untrack(now);
    return () => {
      this.#abort.abort();
      window.clearTimeout(this.#timer);
    };
  }

  async #ask(): Promise<void> {
    if (isSettled(this.view)) return;
    window.clearTimeout(this.#timer);
    const { signal } = this.#abort;
    const answer = await fetchStatus(this.#id, signal);
    if (signal.aborted) return;
    this.#failures = answer.kind === "unreachable" ? this.#failures + 1 : 0;
    this.view = nextView(this.view, answer);
    if (isSettled(this.view)) return;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(
      () => void this.#ask(),
      pollDelayMs(this.view, this.#failures, document.hidden),
    );
  }
}
