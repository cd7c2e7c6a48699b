import Hls from "hls.js/light";
import { fetchPlainUrl, masterPlaylistUrl } from "../lib/api";
import { MediaUrls } from "./media-urls";
import { qualitiesOf, rungName, type Quality } from "./quality";

export type PlayerSource = "none" | "original" | "adaptive";

const AUTO = -1;
const RETRY_MS = 3_000;
/** A second decoding failure this soon after a recovery means that recovering does not help. */
const RECOVERY_MS = 5_000;

/** One video element and what feeds it: first the original, then the adaptive stream. */
export class Player {
  source = $state<PlayerSource>("none");
  /** Whether there is a picture to show: a browser may know the sound of a file and not its picture. */
  hasPicture = $state(false);
  /** Whether the last frame of one source stands in until the next source has its first. */
  holdsStill = $state(false);
  /** Whether the current source cannot be played here. */
  broken = $state(false);
  /** Whether the stream waits for the network to come back. */
  disconnected = $state(false);
  qualities = $state.raw<Quality[]>([]);
  selected = $state(AUTO);
  playingRung = $state<string | null>(null);
  /** Width over height. */
  ratio = $state(16 / 9);

  readonly #id: string;
  #video: HTMLVideoElement | null = null;
  #still: HTMLCanvasElement | null = null;
  #hls: Hls | null = null;
  #recovered_at_ms = -Infinity;
  #timer: number | undefined;
  /** Where to go on once the source has been set, in seconds. */
  #resume_s = 0;
  #shouldPlay = true;

  constructor(id: string) {
    this.#id = id;
  }

  /** Takes an element; what it returns gives it back. For `{@attach}`. */
  attach = (video: HTMLVideoElement): (() => void) => {
    this.#video = video;
    video.onloadedmetadata = () => this.#onMetadata(video);
    video.onloadeddata = video.onseeked = () => {
      if (!video.seeking) this.holdsStill = false;
    };
    video.onresize = () => this.#onSize(video);
    video.onerror = () => this.#onError(video);
    return () => {
      window.clearTimeout(this.#timer);
      this.#hls?.destroy();
      this.#video = null;
    };
  };

  /** Takes the canvas that covers the video while the source changes. */
  attachStill = (still: HTMLCanvasElement): void => {
    this.#still = still;
  };

  /** Plays the file as it was uploaded, where the browser can. */
  playOriginal = (): void => {
    if (this.source !== "none") return;
    this.source = "original";
    void this.#loadPlain();
  };

  /** Goes over to adaptive streaming, at the same position. */
  playAdaptive = (): void => {
    const video = this.#video;
    if (!video || this.source === "adaptive") return;
    if (this.source === "original" && this.hasPicture) {
      this.#remember(video);
      this.#holdStill(video);
    }
    this.source = "adaptive";
    this.broken = false;
    if (Hls.isSupported()) this.#startHls(video);
    else this.#load(masterPlaylistUrl(this.#id));
  };

  /** A level of the menu, or -1 for automatic. */
  select(level: number): void {
    const hls = this.#hls;
    if (!hls) return;
    this.selected = level;
    // While it plays, what is on the screen plays out and the new quality follows without a gap;
    // a still picture is replaced at once.
    if (this.#video?.paused) hls.currentLevel = level;
    else hls.nextLevel = level;
  }

  #startHls(video: HTMLVideoElement): void {
    const urls = new MediaUrls();
    const hls = new Hls({
      ...urls.config,
      startPosition: this.#resume_s,
      // Our segments are fragmented MP4 already: there is nothing to remux that would need a worker,
      // and a worker made from a blob would need a laxer Content-Security-Policy.
      enableWorker: false,
    });
    this.#hls = hls;
    urls.follow(hls);
    hls.on(Hls.Events.MANIFEST_PARSED, () => (this.qualities = qualitiesOf(hls.levels)));
    hls.on(Hls.Events.LEVEL_SWITCHED, (_event, { level }) => {
      const shown = hls.levels[level];
      this.playingRung = shown ? rungName(shown.width, shown.height) : null;
    });
    hls.on(Hls.Events.FRAG_LOADED, () => (this.disconnected = false));
    hls.on(Hls.Events.ERROR, (_event, { fatal, type }) => {
      if (fatal) this.#onFatal(hls, type);
    });
    hls.loadSource(masterPlaylistUrl(this.#id));
    hls.attachMedia(video);
  }

  #onFatal(hls: Hls, type: string): void {
    const now_ms = performance.now();
    if (type === Hls.ErrorTypes.NETWORK_ERROR) {
      this.disconnected = true;
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => {
        if (hls.levels.length === 0) hls.loadSource(masterPlaylistUrl(this.#id));
        else hls.startLoad();
      }, RETRY_MS);
    } else if (
      type === Hls.ErrorTypes.MEDIA_ERROR &&
      now_ms - this.#recovered_at_ms > RECOVERY_MS
    ) {
      this.#recovered_at_ms = now_ms;
      hls.recoverMediaError();
    } else {
      this.hasPicture = false;
      this.broken = true;
    }
  }

  async #loadPlain(): Promise<void> {
    try {
      const url = await fetchPlainUrl(this.#id);
      if (this.source === "original") this.#load(url);
    } catch {
      this.broken = this.source === "original";
    }
  }

  #load(url: string): void {
    if (this.#video) this.#video.src = url;
  }

  #remember(video: HTMLVideoElement): void {
    this.#resume_s = video.ended ? 0 : video.currentTime;
    this.#shouldPlay = !video.paused;
    // Loading a new source would set the speed back.
    video.defaultPlaybackRate = video.playbackRate;
  }

  #holdStill(video: HTMLVideoElement): void {
    if (!this.#still) return;
    this.#still.width = video.videoWidth;
    this.#still.height = video.videoHeight;
    this.#still.getContext("2d")?.drawImage(video, 0, 0);
    this.holdsStill = true;
  }

  #onMetadata(video: HTMLVideoElement): void {
    this.#onSize(video);
    if (!this.hasPicture) {
      this.broken = true;
      return;
    }
    this.broken = false;
    // hls.js would get there by itself, but by way of the first frame.
    if (this.#resume_s > 0) video.currentTime = this.#resume_s;
    this.#resume_s = 0;
    // A browser that lets nothing start by itself leaves it to the viewer.
    if (this.#shouldPlay) video.play().catch(() => {});
  }

  #onSize(video: HTMLVideoElement): void {
    const { videoWidth, videoHeight } = video;
    this.hasPicture = videoWidth > 0 && videoHeight > 0;
    if (this.hasPicture) this.ratio = videoWidth / videoHeight;
  }

  #onError(video: HTMLVideoElement): void {
    // hls.js sees to its own.
    if (this.#hls) return;
    const lapsed = this.hasPicture && video.error?.code === MediaError.MEDIA_ERR_NETWORK;
    if (!lapsed) {
      this.hasPicture = false;
      this.broken = true;
      return;
    }
    // The signed URL of a plain source has lapsed, or the line broke: go on with a fresh one.
    this.#remember(video);
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      if (this.source === "original") void this.#loadPlain();
      else this.#load(masterPlaylistUrl(this.#id));
    }, RETRY_MS);
  }
}
