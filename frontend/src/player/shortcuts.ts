import type { MediaKeyShortcuts } from "vidstack";

/** Keys by what they do. The digits, which seek to tenths, are Vidstack's own. */
export const SHORTCUTS: MediaKeyShortcuts = {
  togglePaused: "k Space",
  toggleMuted: "m M",
  toggleFullscreen: "f F",
  togglePictureInPicture: "i I",
  toggleCaptions: "c C",
  seekBackward: "j J ArrowLeft",
  seekForward: "l L ArrowRight",
  volumeUp: "ArrowUp",
  volumeDown: "ArrowDown",
  speedUp: ">",
  slowDown: "<",
};
