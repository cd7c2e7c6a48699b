/** Where a link wants a video to begin, in seconds: `t=90`, `t=90s`, `t=1m30s`, `t=1h2m`; null without. */
export function startTime_s(search: string): number | null {
  const wanted = new URLSearchParams(search).get("t");
  const parts = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/.exec(wanted ?? "");
  if (!wanted || !parts) return null;
  const [hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0));
  return hours! * 3600 + minutes! * 60 + seconds!;
}

/** The same address with the time in it; without, at the very beginning. */
export function withStartTime(url: string, position_s: number): string {
  const whole_s = Math.floor(position_s);
  return whole_s > 0 ? `${url}?t=${whole_s}` : url;
}
