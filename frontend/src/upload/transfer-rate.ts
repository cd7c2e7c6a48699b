const WINDOW_MS = 5_000;
/** Before that, a buffer filling up looks like a fast line. */
const SETTLE_MS = 1_000;

/** Speed of a transfer over its last seconds. */
export class TransferRate {
  #samples: { at_ms: number; bytes: number }[] = [];

  /** Records that `bytes` had been sent in all at `at_ms`; answers in bytes a second, null while unknown. */
  add(at_ms: number, bytes: number): number | null {
    this.#samples.push({ at_ms, bytes });
    while (this.#samples.length > 2 && at_ms - this.#samples[1]!.at_ms >= WINDOW_MS) {
      this.#samples.shift();
    }
    const first = this.#samples[0]!;
    const elapsed_ms = at_ms - first.at_ms;
    return elapsed_ms < SETTLE_MS ? null : ((bytes - first.bytes) * 1000) / elapsed_ms;
  }
}
