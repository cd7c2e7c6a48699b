import { apiUrl, type StatusAnswer, type VideoStatus } from "./api";

/** A video's status as the server tells it, for as long as its event stream lasts. */
export class StatusStream {
  readonly #source: EventSource;
  /** Whether news comes by itself; while it does not, somebody has to ask. */
  isOpen = false;

  constructor(id: string, ontold: (answer: StatusAnswer) => void, onlost: () => void) {
    const source = (this.#source = new EventSource(apiUrl(`video/${id}/events`)));
    source.addEventListener("open", () => (this.isOpen = true));
    source.addEventListener("status", ({ data }: MessageEvent<string>) =>
      ontold({ kind: "status", status: JSON.parse(data) as VideoStatus }),
    );
    source.addEventListener("gone", () => ontold({ kind: "deleted" }));
    // It comes again by itself, where it does.
    source.addEventListener("error", () => {
      this.isOpen = false;
      onlost();
    });
  }

  close(): void {
    this.isOpen = false;
    this.#source.close();
  }
}
