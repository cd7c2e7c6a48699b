const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** A size as people read it: powers of 1000, three digits at most. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** A running time: `0:07`, `12:30`, `1:02:03`. */
export function formatDuration(ms: number): string {
  const total = Math.max(0, Math.round(ms / 1000));
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const seconds = String(total % 60).padStart(2, "0");
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}`
    : `${minutes}:${seconds}`;
}

/** A time to wait, coarser the longer it is, so that it does not flicker: `8 s`, `3 min`, `2 h 10 min`. */
export function formatWait(seconds: number): string {
  if (seconds < 60) {
    const step = seconds < 10 ? 1 : 5;
    return `${Math.max(1, Math.ceil(seconds / step) * step)} s`;
  }
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

/** A day, as the viewer's own language writes it. */
export function formatDate(
  iso: string,
  locale?: string,
  dateStyle: "long" | "medium" = "long",
): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleDateString(locale, { dateStyle });
}

/** Whole percents that say 100 only when all is done. */
export function wholePercent(fraction: number): number {
  return Math.min(100, Math.max(0, Math.floor(fraction * 100)));
}
