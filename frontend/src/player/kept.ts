/** A value under a key in this browser. Where nothing may be stored, it lasts as long as the page. */
export class Kept<T> {
  readonly #key: string;
  #value: T;

  constructor(key: string, initial: T) {
    this.#key = key;
    this.#value = initial;
  }

  /** Read anew each time: another tab may have written meanwhile, and is not to be overwritten. */
  get value(): T {
    try {
      const stored: unknown = JSON.parse(localStorage.getItem(this.#key) ?? "null");
      // Whoever else wrote it: only what has the same shape is taken over.
      if (stored && Array.isArray(stored) === Array.isArray(this.#value)) this.#value = stored as T;
    } catch {
      // No storage, or not JSON.
    }
    return this.#value;
  }

  set value(value: T) {
    this.#value = value;
    try {
      localStorage.setItem(this.#key, JSON.stringify(value));
    } catch {
      // No storage, or it is full.
    }
  }
}
