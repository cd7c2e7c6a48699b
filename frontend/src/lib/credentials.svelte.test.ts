import { expect, it } from "vitest";
import { Credentials } from "./credentials.svelte";

/** What a server made; it is of no server any more. */
const LINK = Buffer.from(
  Uint8Array.from({ length: 65 }, (_, at) => (at === 0 ? 1 : at === 7 ? 0x7a : 0x11)),
).toString("base64url");

function storage(items: Record<string, string> = {}) {
  const map = new Map(Object.entries(items));
  return {
    map,
    getItem: (key: string) => map.get(key) ?? null,
    setItem: (key: string, value: string) => void map.set(key, value),
    removeItem: (key: string) => void map.delete(key),
  };
}

function visit(hash: string, device = storage(), tab = storage()) {
  const location = { hash, pathname: "/", search: "" };
  const browser = { location, history: { replaceState() {} }, storage: device };
  return { credentials: new Credentials(browser, tab), device, tab };
}

it("remembers the token of the printed link", () => {
  const { credentials, device } = visit("#token=admin");
  expect(credentials).toMatchObject({ token: "admin", remembered: "admin", link: null });
  expect(visit("", device).credentials.token).toBe("admin");
});

it("keeps a one-time link for this tab only, beside the token that the device remembers", () => {
  const device = storage({ "assetlab.token": "admin" });
  const { credentials, tab } = visit(`#token=${LINK}`, device);
  expect(credentials).toMatchObject({ token: LINK, remembered: "admin" });
  expect(credentials.link).not.toBeNull();
  expect([...device.map.values()]).toEqual(["admin"]);
  // A reload goes on with the link, another tab has the device's own.
  expect(visit("", device, tab).credentials.token).toBe(LINK);
  expect(visit("", device).credentials.token).toBe("admin");

  credentials.leaveLink();
  expect(visit("", device, tab).credentials.token).toBe("admin");
});

it("remembers an entered token where that is wanted", () => {
  const { credentials, device, tab } = visit("");
  credentials.enter("for now", false);
  expect(credentials).toMatchObject({ token: "for now", remembered: null });
  expect(device.map.size).toBe(0);
  expect(visit("", device, tab).credentials.token).toBe("for now");

  credentials.enter("for good", true);
  expect(visit("", device).credentials.token).toBe("for good");
});

it("does not claim to remember what the browser does not keep", () => {
  const { credentials } = visit("", { ...storage(), setItem: () => undefined });
  credentials.enter("for good", true);
  expect(credentials).toMatchObject({ token: "for good", remembered: null });
});

it("forgets", () => {
  const { credentials, device, tab } = visit("#token=admin");
  credentials.forget();
  expect(credentials.token).toBeNull();
  expect(device.map.size + tab.map.size).toBe(0);
});
