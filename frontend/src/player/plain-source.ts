const RETRY_MS = 3_000;

/**
 * A file, or a playlist that the browser reads by itself, in a video element. Its signed URL lapses and lines
 * break: then it goes on with a fresh one.
 */
export class PlainSource {
  readonly #video: HTMLVideoElement;
  readonly #url: () => Promise<string>;
  readonly #onbroken: () => void;
  #timer: number | undefined;
  /** Whether the URL in use has shown a picture. */
  #wasGood = false;
  #ended = false;

  constructor(video: HTMLVideoElement, url: () => Promise<string>, onbroken: () => void) {
    this.#video = video;
    this.#url = url;
    this.#onbroken = onbroken;
    window.addEventListener("online", this.#again);
    void this.#load();
  }

  /** What the element's error means: whether the source is given up, or comes again. */
  onError(): "comes again" | "broken" {
    const { error, videoWidth } = this.#video;
    const { MEDIA_ERR_NETWORK, MEDIA_ERR_SRC_NOT_SUPPORTED } = MediaError;
    this.#wasGood ||= videoWidth > 0;
    const isLine =
      error?.code === MEDIA_ERR_NETWORK ||
      (this.#wasGood && error?.code === MEDIA_ERR_SRC_NOT_SUPPORTED);
    if (!isLine || !this.#wasGood) return "broken";
    window.clearTimeout(this.#timer);
    // The first fresh URL at once; one that is refused as well gives the server time.
    this.#timer = window.setTimeout(this.#again, videoWidth > 0 ? 0 : RETRY_MS);
    return "comes again";
  }

  destroy(): void {
    this.#ended = true;
    window.clearTimeout(this.#timer);
    window.removeEventListener("online", this.#again);
  }

  #again = (): void => {
    if (this.#video.error || this.#timer !== undefined) void this.#load();
  };

  async #load(): Promise<void> {
    window.clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      const url = await this.#url();
      if (!this.#ended) this.#video.src = url;
    } catch (error) {
      if (this.#ended) return;
      // `fetch` rejects with a TypeError where no answer came; an answer that refuses is final.
      const isLine = error instanceof TypeError;
      if (isLine || this.#wasGood) this.#timer = window.setTimeout(this.#again, RETRY_MS);
      else this.#onbroken();
    }
  }
}
