import { apiUrl, type VideoStatus } from "../lib/api";
import { strings } from "../strings";

/** What there is of a video besides its pictures and sound, with addresses that the page can use as they are. */
export interface VideoExtras {
  poster: string | null;
  storyboard: string | null;
  tracks: { id: string; src: string; label: string; language: string; default: boolean }[];
  hasSound: boolean;
  duration_s: number | null;
  /** Width over height. */
  ratio: number | null;
  /** Whether every quality is there. */
  isReady: boolean;
}

export function extrasOf(id: string, status: VideoStatus | null): VideoExtras {
  const { source, duration_ms, poster, storyboard, subtitles } = status ?? {};
  const isReady = status?.status === "done";
  return {
    poster: poster ? apiUrl(`video/${id}/poster.jpg`) : null,
    // Whole, since what it names is relative to it.
    storyboard: storyboard
      ? new URL(apiUrl(`video/${id}/storyboard.vtt`), document.baseURI).href
      : null,
    tracks: (subtitles ?? []).map(({ index, name, language, default: isDefault }) => ({
      id: `${index}`,
      src: apiUrl(`video/${id}/subtitles/${index}.vtt`),
      label: name || language || strings.player.captions,
      language: language ?? "",
      default: isDefault,
    })),
    // Nobody knows yet what an original holds that has not been looked at.
    hasSound: !source || !isReady || source.audio_codec !== null,
    duration_s: isReady && duration_ms ? duration_ms / 1000 : null,
    ratio: source && source.width > 0 && source.height > 0 ? source.width / source.height : null,
    isReady,
  };
}
