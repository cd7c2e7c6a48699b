import { expect, it } from "vitest";
import { linkOf } from "./link-token";

/** A token as the server makes it; the signature is anything, since only the server can tell. */
function token(change: (bytes: Uint8Array) => void = () => undefined): string {
  const bytes = new Uint8Array(65).fill(0xfb);
  const id = "0193e4a07f3a7abc8def0123456789ab";
  bytes[0] = 1;
  bytes.set(
    id.match(/../g)!.map((pair) => parseInt(pair, 16)),
    1,
  );
  new DataView(bytes.buffer).setBigUint64(17, 200_000_000n);
  new DataView(bytes.buffer).setBigUint64(25, 1_800_000_000n);
  change(bytes);
  return Buffer.from(bytes).toString("base64url");
}

it("reads what a link lets upload", () => {
  expect(linkOf(token())).toEqual({
    id: "0193e4a0-7f3a-7abc-8def-0123456789ab",
    max_bytes: 200_000_000,
    expires_at_ms: 1_800_000_000_000,
  });
});

it.each([
  ["an admin token", "Zm9vYmFyYmF6cXV4"],
  ["words", "a token of somebody's own, not base64"],
  ["an unknown version", token((bytes) => (bytes[0] = 2))],
  ["what has no id in it", token((bytes) => (bytes[7] = 0x4a))],
  ["what is cut off", token().slice(0, -4)],
])("takes %s for no link", (_, other) => expect(linkOf(other)).toBeNull());
