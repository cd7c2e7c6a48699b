import { expect, it } from "vitest";
import { fingerprintOf, isSameFile } from "./fingerprint";

const MIB = 2 ** 20;

function film(change?: (bytes: Uint8Array) => void): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(3 * MIB).map((_, at) => (at * 2654435761) >>> 13);
  change?.(bytes);
  return bytes;
}
const of = (bytes: Uint8Array<ArrayBuffer>, name = "film.mp4", lastModified = 1000) =>
  fingerprintOf(new File([bytes], name, { lastModified }));

it("knows a file again, also under another name or with another date, but not both", async () => {
  const kept = await of(film());
  expect(kept).toMatchObject({ name: "film.mp4", size_bytes: 3 * MIB, last_modified_ms: 1000 });
  expect(isSameFile(await of(film()), kept)).toBe(true);
  expect(isSameFile(await of(film(), "renamed.mp4"), kept)).toBe(true);
  expect(isSameFile(await of(film(), "film.mp4", 2000), kept)).toBe(true);
  expect(isSameFile(await of(film(), "renamed.mp4", 2000), kept)).toBe(false);
});

it.each([
  ["its head", (bytes: Uint8Array) => (bytes[0]! ^= 1)],
  ["its tail", (bytes: Uint8Array) => (bytes[3 * MIB - 1]! ^= 1)],
  ["a stretch in between", (bytes: Uint8Array) => bytes.fill(7, MIB, 2 * MIB)],
])("tells a file by %s", async (_, change) => {
  expect(isSameFile(await of(film(change)), await of(film()))).toBe(false);
});

it("tells a file by its length, and takes the smallest", async () => {
  expect(isSameFile(await of(film().slice(1)), await of(film()))).toBe(false);
  const one = Uint8Array.of(1);
  expect(isSameFile(await of(one), await of(one))).toBe(true);
});
