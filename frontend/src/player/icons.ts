/** Outlines in a square of 24. */
export const ICONS = {
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  replay: "M5 12a7 7 0 1 0 2.2-5.1M7.5 3v4h4",
  volume: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a7.5 7.5 0 0 1 0 11",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5m0-5-5 5",
  captions:
    "M5.5 5h13A2.5 2.5 0 0 1 21 7.5v9a2.5 2.5 0 0 1-2.5 2.5h-13A2.5 2.5 0 0 1 3 16.5v-9A2.5 2.5 0 0 1 5.5 5zM7 12.5h4M14 12.5h3M7 15.5h2M12 15.5h5",
  settings:
    "M4 7h9M17 7h3M4 17h3M11 17h9M13 7a2 2 0 1 0 4 0 2 2 0 1 0-4 0M7 17a2 2 0 1 0 4 0 2 2 0 1 0-4 0",
  pip: "M21 11V7a2 2 0 0 0-2-2H5a2 2 0 0 0-2 2v10a2 2 0 0 0 2 2h5M13 13.5h8V19h-8z",
  fullscreen: "M4 9V5h4M20 9V5h-4M4 15v4h4M20 15v4h-4",
  window: "M8 5v4H4M16 5v4h4M8 19v-4H4M16 19v-4h4",
  check: "M5 12.5l4.5 4.5L19 7.5",
  out: "M10 5H6a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2h11a2 2 0 0 0 2-2v-4M14 4h6v6M20 4l-9 9",
} as const;

export type IconName = keyof typeof ICONS;
