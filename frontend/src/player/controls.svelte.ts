import { isVideoProvider, type TextTrack } from "vidstack";
import type { MediaPlayerElement } from "vidstack/elements";
import type { Memory } from "./memory";
import type { Player } from "./player.svelte";
import { SHORTCUTS } from "./shortcuts";

/** Vidstack's player as the controls see it: what it is doing, and what it can be told. */
export class Controls {
  paused = $state(true);
  ended = $state(false);
  /** Whether the controls are shown. */
  visible = $state(true);
  started = $state(false);
  waiting = $state(false);
  muted = $state(false);
  canSetVolume = $state(true);
  speed = $state(1);
  position_s = $state(0);
  duration_s = $state(0);
  fullscreen = $state(false);
  canFullscreen = $state(false);
  pip = $state(false);
  canPip = $state(false);
  tracks = $state.raw<TextTrack[]>([]);
  track = $state.raw<TextTrack | null>(null);
  /** Whether the list of shortcuts is open. */
  showsHelp = $state(false);

  #media: MediaPlayerElement | null = null;

  /** Puts a player to work on Vidstack's element; what it returns ends it. */
  attach(media: MediaPlayerElement, player: Player, memory: Memory): () => void {
    this.#media = media;
    media.load = "eager";
    media.playsInline = true;
    media.storage = memory;
    media.keyTarget = "document";
    media.keyShortcuts = { ...SHORTCUTS, "?": { keys: "?", onKeyDown: this.#onHelp } };
    const endings = [this.#follow(media, () => player.still.isHeld)];
    // What is played, and from where, is not Vidstack's to choose: to it there is one source from beginning to
    // end, and the element's own events say how that fares.
    media.addEventListener("provider-change", ({ detail: provider }) => {
      if (!isVideoProvider(provider)) return;
      endings.push(this.#heed(provider.video));
      provider.loadSource = () => {
        // Nor are position, volume and speed at the start.
        media.canPlayQueue.reset();
        endings.push(player.attach(provider.video));
        return Promise.resolve();
      };
    });
    media.src = { src: "video:", type: "video/mp4" };
    return () => endings.forEach((end) => end());
  }

  #follow(media: MediaPlayerElement, isHeld: () => boolean): () => void {
    return media.subscribe((state) => {
      this.paused = state.paused;
      this.ended = state.ended;
      this.visible = state.controlsVisible || state.paused;
      this.started = state.started;
      this.waiting = state.waiting;
      this.muted = state.muted || state.volume === 0;
      this.canSetVolume = state.canSetVolume;
      this.speed = state.playbackRate;
      const position_s = state.currentTime;
      // While a still stands in, the element is back at its beginning for a moment.
      if (!isHeld()) this.position_s = position_s;
      this.duration_s = state.duration;
      this.fullscreen = state.fullscreen;
      this.canFullscreen = state.canFullscreen;
      this.pip = state.pictureInPicture;
      this.canPip = state.canPictureInPicture;
      this.tracks = state.textTracks.filter(({ kind }) => kind === "subtitles");
      this.track = state.textTrack;
    });
  }

  /** Vidstack takes a pause on the way to another position for a part of seeking, whoever has asked for it. */
  #heed(video: HTMLVideoElement): () => void {
    const onseeked = () => {
      if (video.paused && !this.paused) video.dispatchEvent(new Event("pause"));
    };
    video.addEventListener("seeked", onseeked);
    return () => video.removeEventListener("seeked", onseeked);
  }

  #onHelp = ({ event }: { event: KeyboardEvent }): void => {
    event.preventDefault();
    this.showsHelp = !this.showsHelp;
  };

  togglePaused = (event: Event) => this.#media?.remoteControl.togglePaused(event);
  toggleMuted = (event: Event) => this.#media?.remoteControl.toggleMuted(event);
  toggleFullscreen = (event: Event) =>
    this.#media?.remoteControl.toggleFullscreen("prefer-media", event);
  togglePip = (event: Event) => this.#media?.remoteControl.togglePictureInPicture(event);

  setSpeed(speed: number): void {
    this.#media?.remoteControl.changePlaybackRate(speed);
  }

  /** Shows a track, or none. */
  showTrack(track: TextTrack | null): void {
    if (track) track.mode = "showing";
    else if (this.track) this.track.mode = "disabled";
  }
}
