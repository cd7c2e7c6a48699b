import { fetchPlainUrl, masterPlaylistUrl } from "../lib/api";
import { HlsStream } from "./hls-stream";
import type { Memory } from "./memory";
import { PlainSource } from "./plain-source";
import type { Quality } from "./quality";
import { Still } from "./still.svelte";

export type PlayerSource = "none" | "original" | "adaptive";

const AUTO = -1;

/** What feeds a video element: first the original, then the adaptive stream. */
export class Player {
  source = $state<PlayerSource>("none");
  /** Whether there is a picture to show: a browser may know the sound of a file and not its picture. */
  hasPicture = $state(false);
  /** Whether the current source cannot be played here. */
  broken = $state(false);
  /** Whether the stream waits for the network to come back. */
  disconnected = $state(false);
  qualities = $state.raw<Quality[]>([]);
  selected = $state(AUTO);
  playingRung = $state<string | null>(null);
  /** Width over height, once the picture is there. */
  ratio = $state<number | null>(null);
  readonly still = new Still();

  readonly #id: string;
  readonly #memory: Memory;
  #video: HTMLVideoElement | null = null;
  #stream: HlsStream | null = null;
  #plain: PlainSource | null = null;
  /** What is to be played once there is an element. */
  #wanted: PlayerSource = "none";
  /** Where to go on once the source has been set, in seconds. */
  #resume_s: number;
  #shouldPlay: boolean;

  constructor(
    id: string,
    memory: Memory,
    { start_s = null, autoplay = true }: { start_s?: number | null; autoplay?: boolean } = {},
  ) {
    this.#id = id;
    this.#memory = memory;
    this.#resume_s = start_s ?? memory.position_s;
    this.#shouldPlay = autoplay;
  }

  /** Takes an element; what it returns gives it back. */
  attach(video: HTMLVideoElement): () => void {
    this.#video = video;
    video.preload = "auto";
    video.playsInline = true;
    this.#memory.apply(video);
    const abort = new AbortController();
    // Before Vidstack hears of it: that pauses what has an error.
    const options = { signal: abort.signal, capture: true };
    const on = (types: string[], listener: () => void) =>
      types.forEach((type) => video.addEventListener(type, listener, options));
    on(["loadedmetadata"], () => this.#onMetadata(video));
    on(["loadeddata", "seeked"], () => {
      if (!video.seeking) this.still.letGo();
    });
    on(["resize"], () => this.#onSize(video));
    on(["error"], () => this.#onError(video));
    this.#load(this.#wanted);
    return () => {
      abort.abort();
      this.#stream?.destroy();
      this.#plain?.destroy();
      this.#video = null;
    };
  }

  /** Plays the file as it was uploaded, where the browser can. */
  playOriginal = (): void => {
    if (this.#wanted === "none") this.#load("original");
  };

  /** Goes over to adaptive streaming, at the same position. */
  playAdaptive = (): void => {
    if (this.#wanted !== "adaptive") this.#load("adaptive");
  };

  /** A level of the menu, or -1 for automatic. */
  select(level: number): void {
    this.selected = level;
    this.#stream?.select(level);
  }

  #load(source: PlayerSource): void {
    this.#wanted = source;
    const video = this.#video;
    if (!video || source === this.source) return;
    this.#plain?.destroy();
    if (this.source !== "none" && this.hasPicture) {
      this.#remember(video);
      this.still.hold(video);
    }
    this.source = source;
    this.broken = false;
    const onbroken = () => this.#giveUp();
    if (source === "original") {
      this.#plain = new PlainSource(video, () => fetchPlainUrl(this.#id), onbroken);
    } else if (HlsStream.isSupported) {
      this.#plain = null;
      this.#stream = new HlsStream(video, masterPlaylistUrl(this.#id), this.#resume_s, {
        onqualities: (qualities) => (this.qualities = qualities),
        onrung: (rung) => (this.playingRung = rung),
        ondisconnected: (disconnected) => (this.disconnected = disconnected),
        onbroken,
      });
    } else {
      const master = () => Promise.resolve(masterPlaylistUrl(this.#id));
      this.#plain = new PlainSource(video, master, onbroken);
    }
  }

  #giveUp(): void {
    this.hasPicture = false;
    this.broken = true;
    this.still.letGo();
  }

  #remember(video: HTMLVideoElement): void {
    this.#resume_s = video.ended ? 0 : video.currentTime;
    this.#shouldPlay = !video.paused;
    // Loading a new source would set the speed back.
    video.defaultPlaybackRate = video.playbackRate;
  }

  #onMetadata(video: HTMLVideoElement): void {
    this.#onSize(video);
    if (!this.hasPicture) {
      this.#giveUp();
      return;
    }
    this.broken = false;
    this.disconnected = false;
    // hls.js would get there by itself, but by way of the first frame.
    if (this.#resume_s > 0)
      video.currentTime = Math.min(this.#resume_s, video.duration || Infinity);
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
    if (!this.#plain) return;
    const had = this.hasPicture && !this.disconnected;
    if (this.#plain.onError() === "broken") {
      this.#giveUp();
      return;
    }
    this.disconnected = true;
    if (!had) return;
    this.#remember(video);
    this.still.hold(video);
  }
}
