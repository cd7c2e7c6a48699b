import { isVideoProvider, type MediaKeyShortcuts, type MediaPlayer } from "vidstack";

/** Vidstack's own would go by its slider, which does not keep up with the position while it is hidden. */
function seekBy(seconds: number, keys: string) {
  return {
    keys,
    onKeyDown({ event, player }: { event: KeyboardEvent; player: MediaPlayer }): void {
      // A slider that has the focus moves by itself.
      if (event.target instanceof Element && event.target.closest("[role=slider]")) return;
      event.preventDefault();
      if (!isVideoProvider(player.provider)) return;
      // The element knows at once where the last press has led; the player's state does not.
      const to_s = player.provider.video.currentTime + seconds;
      player.remoteControl.seek(Math.min(player.state.duration, Math.max(0, to_s)), event);
    },
  };
}

/** Vidstack's own goes by the player's state, which learns of a press only after the next one. */
const toggleMuted = {
  keys: "m M",
  onKeyDown({ event, player }: { event: KeyboardEvent; player: MediaPlayer }): void {
    event.preventDefault();
    if (!isVideoProvider(player.provider)) return;
    const { video } = player.provider;
    const isSilent = video.muted || video.volume === 0;
    video.muted = !isSilent;
    if (isSilent && video.volume === 0) video.volume = 0.25;
  },
};

/** Keys by what they do. The digits, which seek to tenths, are Vidstack's own. */
export const SHORTCUTS: MediaKeyShortcuts = {
  togglePaused: "k Space",
  toggleMuted,
  toggleFullscreen: "f F",
  togglePictureInPicture: "i I",
  toggleCaptions: "c C",
  back5: seekBy(-5, "ArrowLeft"),
  forward5: seekBy(5, "ArrowRight"),
  back10: seekBy(-10, "j J"),
  forward10: seekBy(10, "l L"),
  volumeUp: "ArrowUp",
  volumeDown: "ArrowDown",
  speedUp: ">",
  slowDown: "<",
};
