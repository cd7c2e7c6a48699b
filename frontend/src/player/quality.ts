/** One line of the quality menu. */
export interface Quality {
  /** Index of the level in hls.js. */
  level: number;
  /** Name of the rung: its short side, so that upright videos have the same names. */
  rung: string;
}

export function rungName(width: number, height: number): string {
  return `${Math.min(width, height)}p`;
}

/** The qualities of a playlist, lowest first; of equal names the richer one. */
export function qualitiesOf(
  levels: readonly { width: number; height: number; bitrate: number }[],
): Quality[] {
  const ordered = levels
    .map(({ width, height, bitrate }, level) => ({
      level,
      bitrate,
      short: Math.min(width, height),
    }))
    .sort((a, b) => a.short - b.short || a.bitrate - b.bitrate);
  const byRung = new Map(ordered.map(({ level, short }) => [`${short}p`, level]));
  return [...byRung].map(([rung, level]) => ({ level, rung }));
}
