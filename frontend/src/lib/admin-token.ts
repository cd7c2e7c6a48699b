import { linkOf } from "./link-token";

type TokenStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** What of the browser the token needs; the real one in the page, a plain object in tests. */
export interface Browser {
  location: { hash: string; pathname: string; search: string };
  history: { replaceState(data: unknown, unused: string, url: string): void };
  /** What this device remembers. */
  storage: TokenStorage;
}

/** This browser's storage. Where that is denied, to name it throws already: then nothing is kept. */
export function storageNamed(name: "localStorage" | "sessionStorage"): TokenStorage {
  try {
    return window[name];
  } catch {
    return { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };
  }
}

const KEY = "assetlab.token";

/**
 * The token of the printed link's fragment, if there is one, else the stored one.
 * A fragment never reaches the server, and the address bar loses it here: it is not shared by
 * accident with a copied address. The token of a one-time link is not stored: it is good for one
 * video, and the admin token that this device may remember is good for all others.
 */
export function takeToken({ location, history, storage }: Browser): string | null {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token")?.trim();
  if (fragment.has("token")) {
    fragment.delete("token");
    const rest = fragment.size > 0 ? `#${fragment}` : "";
    history.replaceState(null, "", location.pathname + location.search + rest);
  }
  if (!token) return keptToken(storage);
  if (!linkOf(token)) keepToken(storage, token);
  return token;
}

/** The token that was stored on an earlier visit. */
export function keptToken(storage: TokenStorage): string | null {
  try {
    return storage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Stores the token for the next visit; null forgets it. */
export function keepToken(storage: TokenStorage, token: string | null): void {
  try {
    if (token === null) storage.removeItem(KEY);
    else storage.setItem(KEY, token);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}
