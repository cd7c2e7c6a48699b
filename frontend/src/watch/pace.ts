/** How much of what was seen counts: older news says little about the pace now. */
const WINDOW_MS = 30_000;
/** Before this much has been seen, nothing is promised. */
const LEAST_MS = 3_000;

/** How long a transcode will still take, told by how its progress goes on. */
export class Pace {
  #seen: { at_ms: number; fraction: number }[] = [];

  /** Takes progress from 0 to 1 and answers with the seconds left, or null while nobody can know. */
  left_s(fraction: number, at_ms: number): number | null {
    if (fraction < (this.#seen.at(-1)?.fraction ?? 0)) this.#seen = [];
    this.#seen.push({ at_ms, fraction });
    while (this.#seen.length > 2 && at_ms - this.#seen[1]!.at_ms > WINDOW_MS) this.#seen.shift();
    const first = this.#seen[0]!;
    const took_ms = at_ms - first.at_ms;
    const done = fraction - first.fraction;
    if (took_ms < LEAST_MS || done <= 0) return null;
    return (took_ms / done) * (1 - fraction) * 0.001;
  }
}
