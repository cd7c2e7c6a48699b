import type { MediaStorage } from "vidstack";
import { Kept } from "./kept";
import { Positions } from "./positions";

interface Preferences {
  volume?: number;
  muted?: boolean;
  speed?: number;
  captions?: boolean;
  language?: string | null;
}

/** What this browser remembers of how it is watched here, in the shape that Vidstack asks for it. */
export class Memory implements MediaStorage {
  readonly #preferences = new Kept<Preferences>("assetlab.player", {});
  readonly #positions: Positions | null;
  readonly #id: string;
  /** How long the video is, as far as that is known, in seconds. */
  duration_s = Infinity;

  /** An embedded player keeps the volume and nothing that says what was watched. */
  constructor(id: string, { volumeOnly = false } = {}) {
    this.#id = id;
    this.#positions = volumeOnly ? null : new Positions();
  }

  get position_s(): number {
    return this.#positions?.of(this.#id) ?? 0;
  }

  /** Gives the element what was chosen last, before anything is heard of it. */
  apply(video: HTMLVideoElement): void {
    const { volume = 1, muted = false, speed = 1 } = this.#preferences.value;
    video.volume = Math.min(1, Math.max(0, Number(volume)));
    video.muted = Boolean(muted);
    video.defaultPlaybackRate = video.playbackRate = this.#positions ? Number(speed) || 1 : 1;
  }

  #prefer(preferences: Preferences): Promise<void> {
    this.#preferences.value = { ...this.#preferences.value, ...preferences };
    return Promise.resolve();
  }

  getVolume = () => Promise.resolve(this.#preferences.value.volume ?? null);
  setVolume = (volume: number) => this.#prefer({ volume });
  getMuted = () => Promise.resolve(this.#preferences.value.muted ?? null);
  setMuted = (muted: boolean) => this.#prefer({ muted });
  getPlaybackRate = () =>
    Promise.resolve((this.#positions && this.#preferences.value.speed) ?? null);
  setPlaybackRate = (speed: number) =>
    this.#positions ? this.#prefer({ speed }) : Promise.resolve();
  getCaptions = () => Promise.resolve(this.#preferences.value.captions ?? null);
  setCaptions = (captions: boolean) =>
    this.#positions ? this.#prefer({ captions }) : Promise.resolve();
  getLang = () => Promise.resolve(this.#preferences.value.language ?? null);
  setLang = (language: string | null) =>
    this.#positions ? this.#prefer({ language }) : Promise.resolve();
  // Where to begin is the player's own business, since a source takes the place of another.
  getTime = () => Promise.resolve(null);
  setTime(position_s: number, ended = false): Promise<void> {
    this.#positions?.remember(this.#id, ended ? Infinity : position_s, this.duration_s);
    return Promise.resolve();
  }
  getVideoQuality = () => Promise.resolve(null);
  getAudioGain = () => Promise.resolve(null);
}
