import { untrack } from "svelte";
import type { VideoSummary } from "../lib/api";
import { deleteVideo, fetchPage, type ListAnswer } from "./list-request";
import { extended, isUnfinished, merged } from "./video-order";

/** Rows that come at once. */
export const PAGE_ROWS = 24;
/** The most that the server hands out at once. */
const MOST_ROWS = 100;
const POLL_MS = 2_000;
/** While nothing is on its way: only new videos, and deletions elsewhere, are news. */
const POLL_IDLE_MS = 15_000;
const DEBOUNCE_MS = 250;

/** The list of videos: as much of it as was asked for, kept as the server has it by one poll. */
export class Library {
  videos = $state.raw<VideoSummary[]>([]);
  phase = $state<"loading" | "shown" | "refused">("loading");
  isReachable = $state(true);
  hasMore = $state(false);
  isLoadingMore = $state(false);
  /** What is looked for, as typed. */
  search = $state("");
  /** What the rows are the answer to. */
  shownSearch = $state("");

  readonly #token: string;
  /** Of the current search. */
  #abort = new AbortController();
  #poll: number | undefined;
  #pause: number | undefined;
  #failures = 0;
  /** What is asked for; nothing of it has come yet. */
  #query = "";
  #isNew = true;
  /** Where the rows that are not shown begin. */
  #cursor: string | null = null;
  /** An answer on its way may still have them. */
  readonly #deleted = new Set<string>();

  constructor(token: string, search = "") {
    this.#token = token;
    this.search = search;
  }

  /** Begins asking; what it returns ends it. For `$effect`. */
  start(): () => void {
    const page = new AbortController();
    const now = () => void this.#look();
    window.addEventListener("online", now, { signal: page.signal });
    document.addEventListener("visibilitychange", now, { signal: page.signal });
    // Not to be started again by what it finds out.
    untrack(() => this.#begin());
    return () => {
      page.abort();
      this.#abort.abort();
      window.clearTimeout(this.#poll);
      window.clearTimeout(this.#pause);
    };
  }

  /** Looks for a part of the file names, once whoever types it pauses. */
  find(text: string): void {
    this.search = text;
    window.clearTimeout(this.#pause);
    this.#pause = window.setTimeout(() => this.#begin(), DEBOUNCE_MS);
  }

  /** Shows the next rows. */
  async more(): Promise<void> {
    if (this.#cursor === null || this.isLoadingMore) return;
    const { signal } = this.#abort;
    this.isLoadingMore = true;
    let older: VideoSummary[] = [];
    // A page of a search may be empty and not the last.
    while (this.#cursor !== null && older.length === 0) {
      const answer = await this.#ask(PAGE_ROWS, this.#cursor, signal);
      if (signal.aborted) return;
      if (!this.#take(answer)) break;
      older = answer.page.videos;
      this.#show(extended(this.videos, older), answer.page.next_cursor);
    }
    this.isLoadingMore = false;
  }

  /** Deletes a video; whether that could be done. */
  async remove(id: string): Promise<boolean> {
    if (!(await deleteVideo(this.#token, id))) return false;
    this.#deleted.add(id);
    this.#show(this.videos, this.#cursor);
    return true;
  }

  /** Begins a list anew; the rows of the last one stay until there are others. */
  #begin(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.isLoadingMore = false;
    this.#query = this.search.trim();
    this.#isNew = true;
    void this.#look();
  }

  /** Looks again at the rows from the newest to the last that is unfinished, and at a page at least. */
  async #look(): Promise<void> {
    if (this.phase === "refused" || (document.hidden && !this.#isNew)) return;
    window.clearTimeout(this.#poll);
    const { signal } = this.#abort;
    const rows = this.#isNew ? 0 : this.videos.findLastIndex(isUnfinished) + 1;
    const wanted = Math.max(PAGE_ROWS, rows);
    const fresh: VideoSummary[] = [];
    let cursor: string | null | undefined;
    do {
      const limit = Math.min(MOST_ROWS, wanted - fresh.length);
      const answer = await this.#ask(limit, cursor ?? null, signal);
      if (signal.aborted) return;
      if (!this.#take(answer)) return this.#schedule();
      fresh.push(...answer.page.videos);
      cursor = answer.page.next_cursor;
    } while (cursor && fresh.length < wanted);
    const videos = merged(this.#isNew ? [] : this.videos, fresh, !cursor);
    // Rows below those stay, and so does where they end.
    this.#show(videos, videos.length > fresh.length ? this.#cursor : cursor);
    this.#isNew = false;
    this.shownSearch = this.#query;
    this.phase = "shown";
    this.#schedule();
  }

  #ask(limit: number, cursor: string | null, signal: AbortSignal): Promise<ListAnswer> {
    const q = this.#query;
    const query = { limit, ...(q && { q }), ...(cursor && { cursor }) };
    return fetchPage(this.#token, query, signal);
  }

  /** Notes whether the server answers, and whether it did so with a page. */
  #take(answer: ListAnswer): answer is Extract<ListAnswer, { kind: "page" }> {
    this.isReachable = answer.kind !== "unreachable";
    this.#failures = this.isReachable ? 0 : this.#failures + 1;
    if (answer.kind === "refused") this.phase = "refused";
    return answer.kind === "page";
  }

  #show(videos: VideoSummary[], cursor: string | null | undefined): void {
    this.videos = videos.filter(({ id }) => !this.#deleted.has(id));
    this.#cursor = cursor ?? null;
    this.hasMore = this.#cursor !== null;
  }

  #schedule(): void {
    window.clearTimeout(this.#poll);
    if (this.phase === "refused") return;
    const delay_ms = this.isReachable
      ? this.videos.some(isUnfinished)
        ? POLL_MS
        : POLL_IDLE_MS
      : Math.min(POLL_IDLE_MS, 1_000 * 2 ** (this.#failures - 1));
    this.#poll = window.setTimeout(() => void this.#look(), delay_ms);
  }
}
