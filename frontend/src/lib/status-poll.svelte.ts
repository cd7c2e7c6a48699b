import { untrack } from "svelte";
import { fetchStatus, type StatusAnswer } from "./api";
import { StatusStream } from "./status-stream";
import { isSettled, LOADING, nextView, pollDelayMs, type VideoView } from "./video-view";

/** Follows a video's status until it can no longer change: by its event stream if wished, else by asking. */
export class StatusPoll {
  view = $state.raw<VideoView>(LOADING);

  readonly #id: string;
  readonly #streams: boolean;
  #stream: StatusStream | null = null;
  #abort = new AbortController();
  #timer: number | undefined;
  #failures = 0;
  #first: Promise<StatusAnswer> | null;

  /** `first` is an answer that was asked for already. */
  constructor(
    id: string,
    {
      streams = false,
      first = null,
    }: { streams?: boolean; first?: Promise<StatusAnswer> | null } = {},
  ) {
    this.#id = id;
    this.#streams = streams;
    this.#first = first;
  }

  /** Begins asking; what it returns ends it. For `$effect`. */
  start(): () => void {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const now = () => {
      if (!this.#isOver && !this.#stream?.isOpen) this.ask();
    };
    window.addEventListener("online", now, { signal });
    document.addEventListener("visibilitychange", now, { signal });
    // Not to be started again by what it finds out.
    untrack(now);
    return () => {
      this.#abort.abort();
      this.#stream?.close();
      this.#stream = null;
      window.clearTimeout(this.#timer);
    };
  }

  /** Nothing can change any more, and the server answered last. */
  get #isOver(): boolean {
    return isSettled(this.view) && this.view.reachable;
  }

  /** Asks now, also for what should not change any more: the video may have been deleted. */
  ask = (): void => void this.#ask();

  async #ask(): Promise<void> {
    window.clearTimeout(this.#timer);
    const { signal } = this.#abort;
    const first = this.#first;
    this.#first = null;
    const answer = await (first ?? fetchStatus(this.#id, signal));
    if (!signal.aborted) this.#take(answer);
  }

  #take(answer: StatusAnswer): void {
    this.#failures = answer.kind === "unreachable" ? this.#failures + 1 : 0;
    this.view = nextView(this.view, answer);
    window.clearTimeout(this.#timer);
    if (this.#isOver) {
      this.#stream?.close();
      return;
    }
    if (this.#streams && answer.kind === "status") {
      this.#stream ??= new StatusStream(this.#id, (told) => this.#take(told), this.ask);
    }
    if (this.#stream?.isOpen) return;
    this.#timer = window.setTimeout(
      this.ask,
      pollDelayMs(this.view, this.#failures, document.hidden),
    );
  }
}
