import Hls from "hls.js/light";
import { MediaUrls } from "./media-urls";
import { qualitiesOf, rungName, type Quality } from "./quality";

const RETRY_MS = 3_000;
/** A second decoding failure this soon after a recovery means that recovering does not help. */
const RECOVERY_MS = 5_000;

/** What a stream has to tell. */
export interface StreamListener {
  onqualities(qualities: Quality[]): void;
  onrung(rung: string | null): void;
  /** Whether the stream waits for the network to come back. */
  ondisconnected(disconnected: boolean): void;
  /** It cannot be played here. */
  onbroken(): void;
}

/** The adaptive stream in a video element, by hls.js. */
export class HlsStream {
  static readonly isSupported = Hls.isSupported();

  readonly #hls: Hls;
  readonly #video: HTMLVideoElement;
  readonly #master: string;
  readonly #listener: StreamListener;
  #recovered_at_ms = -Infinity;
  #timer: number | undefined;

  constructor(video: HTMLVideoElement, master: string, start_s: number, listener: StreamListener) {
    const urls = new MediaUrls();
    this.#video = video;
    this.#master = master;
    this.#listener = listener;
    const hls = (this.#hls = new Hls({
      ...urls.config,
      startPosition: start_s,
      startFragPrefetch: true,
      // Our segments are fragmented MP4 already: there is nothing to remux that would need a worker,
      // and a worker made from a blob would need a laxer Content-Security-Policy.
      enableWorker: false,
    }));
    urls.follow(hls);
    hls.on(Hls.Events.MANIFEST_PARSED, () => listener.onqualities(qualitiesOf(hls.levels)));
    hls.on(Hls.Events.LEVEL_SWITCHED, (_event, { level }) => {
      const shown = hls.levels[level];
      listener.onrung(shown ? rungName(shown.width, shown.height) : null);
    });
    hls.on(Hls.Events.FRAG_LOADED, () => listener.ondisconnected(false));
    hls.on(Hls.Events.ERROR, (_event, { fatal, type, details, response }) => {
      if (fatal) this.#onFatal(type);
      // hls.js goes on trying for a while before it says that it is fatal.
      else if (details === Hls.ErrorDetails.FRAG_LOAD_ERROR && response?.code === 0)
        listener.ondisconnected(true);
    });
    window.addEventListener("online", this.#again);
    hls.loadSource(master);
    hls.attachMedia(video);
  }

  /** A level of the menu, or -1 for automatic. */
  select(level: number): void {
    // While it plays, what is on the screen plays out and the new quality follows without a gap;
    // a still picture is replaced at once.
    const video = this.#video;
    if (!video.paused) {
      this.#hls.nextLevel = level;
      return;
    }
    // Chromium paints what has come into the buffer of a still video when it is sought to.
    this.#hls.once(Hls.Events.FRAG_BUFFERED, () => {
      if (video.paused) video.currentTime += 0;
    });
    this.#hls.currentLevel = level;
  }

  destroy(): void {
    window.clearTimeout(this.#timer);
    window.removeEventListener("online", this.#again);
    this.#hls.destroy();
  }

  #onFatal(type: string): void {
    const now_ms = performance.now();
    if (type === Hls.ErrorTypes.NETWORK_ERROR) {
      this.#listener.ondisconnected(true);
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(this.#again, RETRY_MS);
    } else if (
      type === Hls.ErrorTypes.MEDIA_ERROR &&
      now_ms - this.#recovered_at_ms > RECOVERY_MS
    ) {
      this.#recovered_at_ms = now_ms;
      this.#hls.recoverMediaError();
    } else {
      this.#listener.onbroken();
    }
  }

  #again = (): void => {
    window.clearTimeout(this.#timer);
    if (this.#hls.levels.length === 0) this.#hls.loadSource(this.#master);
    else this.#hls.startLoad();
  };
}
