import type { Fingerprint } from "./fingerprint";

/** What this browser keeps of an upload until it is complete, to go on with after a reload or a crash. */
export interface KeptUpload extends Fingerprint {
  id: string;
  url: string;
  sent_bytes: number;
  /** When the server gives it up. */
  expires_at_ms: number;
  /** Where it was begun by a one-time link, its token: no other may go on with it but the admin's. */
  link_token: string | null;
  /** Where the browser has such: by it the file can be read again. */
  handle: FileSystemFileHandle | null;
}

const MOST = 50;
const STORE = "uploads";

/** Those that the server may still have, newest first; beyond a number, the oldest are let go. */
export function worthKeeping(all: readonly KeptUpload[], now_ms: number): KeptUpload[] {
  const alive = all.filter((kept) => kept.expires_at_ms > now_ms);
  return alive.sort((one, other) => other.expires_at_ms - one.expires_at_ms).slice(0, MOST);
}

/**
 * In IndexedDB, which holds handles of files, and is written when it says so: what localStorage was told
 * in the last seconds is lost when the browser is killed. Where nothing can be kept, all goes on without.
 */
export class KeptUploads {
  readonly #database: Promise<IDBDatabase>;

  constructor() {
    this.#database = new Promise((resolve, reject) => {
      const request = indexedDB.open("assetlab", 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    this.#database.catch(() => undefined);
  }

  /** Those that can be gone on with; the others are forgotten. */
  async list(now_ms: number): Promise<KeptUpload[]> {
    const all = (await this.#do<KeptUpload[]>("readonly", (store) => store.getAll())) ?? [];
    const kept = worthKeeping(all, now_ms);
    await Promise.all(all.filter((one) => !kept.includes(one)).map(({ id }) => this.remove(id)));
    return kept;
  }

  async has(id: string): Promise<boolean> {
    return (await this.#do("readonly", (store) => store.count(id))) === 1;
  }

  async put(kept: KeptUpload): Promise<void> {
    await this.#do("readwrite", (store) => store.put(kept));
  }

  async remove(id: string): Promise<void> {
    await this.#do("readwrite", (store) => store.delete(id));
  }

  async #do<T>(
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T | null> {
    try {
      const transaction = (await this.#database).transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      return await new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(transaction.error);
      });
    } catch {
      return null;
    }
  }
}

/**
 * Resolves once no other tab holds this upload, with what lets go of it. Without HTTPS browsers have no
 * locks: two tabs may then take an upload from each other, which costs time and no bytes.
 */
export function holdUpload(id: string): Promise<() => void> {
  if (!navigator.locks) return Promise.resolve(() => undefined);
  return new Promise((resolve) => {
    const held = () => new Promise<void>((release) => resolve(release));
    // Where storage is denied, so are locks.
    navigator.locks.request(`assetlab-upload-${id}`, held).catch(() => resolve(() => undefined));
  });
}
