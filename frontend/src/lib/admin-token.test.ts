import { describe, expect, it } from "vitest";
import { keepToken, takeToken, type Browser } from "./admin-token";

function browser(hash: string, stored: Record<string, string> = {}) {
  const items = new Map(Object.entries(stored));
  const shown: string[] = [];
  const fake: Browser = {
    location: { hash, pathname: "/", search: "?x=1" },
    history: { replaceState: (_data, _unused, url) => void shown.push(url) },
    storage: {
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => void items.set(key, value),
      removeItem: (key) => void items.delete(key),
    },
  };
  return { fake, items, shown };
}

describe("takeToken", () => {
  it("takes it from the link, keeps it and strips it from the address", () => {
    const { fake, items, shown } = browser("#token=s3cret-%2B");
    expect(takeToken(fake)).toBe("s3cret-+");
    expect([...items.values()]).toEqual(["s3cret-+"]);
    expect(shown).toEqual(["/?x=1"]);
  });

  it("leaves the rest of the fragment alone", () => {
    const { fake, shown } = browser("#token=a&t=5");
    takeToken(fake);
    expect(shown).toEqual(["/?x=1#t=5"]);
  });

  it("finds it again on the next visit", () => {
    const { fake } = browser("", { "assetlab.token": "kept" });
    expect(takeToken(fake)).toBe("kept");
  });

  it("does not forget the stored one over an empty one", () => {
    const { fake, shown } = browser("#token=", { "assetlab.token": "kept" });
    expect(takeToken(fake)).toBe("kept");
    expect(shown).toEqual(["/?x=1"]);
  });

  it("does not store a one-time link over the token that is kept", () => {
    const bytes = Uint8Array.from({ length: 65 }, (_, at) => (at === 0 ? 1 : 0x71));
    const link = Buffer.from(bytes).toString("base64url");
    const { fake, items, shown } = browser(`#token=${link}`, { "assetlab.token": "kept" });
    expect(takeToken(fake)).toBe(link);
    expect([...items.values()]).toEqual(["kept"]);
    expect(shown).toEqual(["/?x=1"]);
  });

  it("lives without storage", () => {
    const { fake } = browser("#token=a");
    fake.storage = {
      getItem: () => {
        throw new Error("denied");
      },
      setItem: () => {
        throw new Error("denied");
      },
      removeItem: () => {},
    };
    expect(takeToken(fake)).toBe("a");
    fake.location.hash = "";
    expect(takeToken(fake)).toBeNull();
  });
});

it("keepToken forgets with null", () => {
  const { fake, items } = browser("", { "assetlab.token": "kept" });
  keepToken(fake.storage, null);
  expect(items.size).toBe(0);
});
