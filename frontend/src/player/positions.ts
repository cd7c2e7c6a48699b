import { Kept } from "./kept";

/** How many videos' positions are kept; the one that was watched longest ago goes first. */
const LIMIT = 200;
/** Who has seen less, or all but this much, begins anew. */
const MARGIN_S = 10;
/** How far playback must move before it is written down again. */
const STEP_S = 2;

/** Where this browser left off in each video. */
export class Positions {
  readonly #kept = new Kept<[id: string, position_s: number][]>("assetlab.positions", []);
  #written_s = -Infinity;

  of(id: string): number {
    return this.#kept.value.find(([video]) => video === id)?.[1] ?? 0;
  }

  remember(id: string, position_s: number, duration_s: number): void {
    if (Math.abs(position_s - this.#written_s) < STEP_S) return;
    this.#written_s = position_s;
    const others = this.#kept.value.filter(([video]) => video !== id);
    const isWithin = position_s >= MARGIN_S && position_s <= duration_s - MARGIN_S;
    const mine: [string, number][] = isWithin ? [[id, Math.round(position_s * 10) / 10]] : [];
    this.#kept.value = [...others, ...mine].slice(-LIMIT);
  }
}
