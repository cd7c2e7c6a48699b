import type { VideoSummary } from "../lib/api";

/** The milliseconds of a UUIDv7 (RFC 9562 §5.7): its first 48 bits. */
const timeOf = (id: string) => id.slice(0, 13);

/** Whether the server lists one before the other: newest first and, within a millisecond, by id. */
export function precedes(one: string, other: string): boolean {
  if (timeOf(one) !== timeOf(other)) return timeOf(one) > timeOf(other);
  return one < other;
}

/**
 * The list as it is now, from what is shown and a fresh look at its beginning. What the look did not
 * reach stays; what it passed over is gone.
 */
export function merged(
  shown: readonly VideoSummary[],
  fresh: readonly VideoSummary[],
  isWhole: boolean,
): VideoSummary[] {
  if (isWhole) return [...fresh];
  const last = fresh.at(-1);
  return last ? [...fresh, ...shown.filter(({ id }) => precedes(last.id, id))] : [...shown];
}

/** The list with what follows it; rows that a newer look has added already are not added again. */
export function extended(
  shown: readonly VideoSummary[],
  older: readonly VideoSummary[],
): VideoSummary[] {
  const last = shown.at(-1);
  return [...shown, ...older.filter(({ id }) => !last || precedes(last.id, id))];
}

export function isUnfinished({ status }: VideoSummary): boolean {
  return status === "pending" || status === "processing";
}
