import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { BUTTERFLY } from "./clips";

/** A film, and behind its last byte the head of a box that players skip: up to a length, of anything. */
export async function paddedHead(size_bytes: number): Promise<Buffer> {
  const camera = await readFile(BUTTERFLY);
  const box = Buffer.alloc(8);
  box.writeUInt32BE(size_bytes - camera.length);
  box.write("free", 4);
  return Buffer.concat([camera, box]);
}

/** Writes a film of this length; no two stretches of it are the same. */
export async function writePaddedFilm(path: string, size_bytes: number): Promise<void> {
  const head = await paddedHead(size_bytes);
  const file = await open(path, "w");
  await file.write(head);
  let key = createHash("sha256").update(path).digest();
  for (let at = head.length; at < size_bytes;) {
    const stretch = Buffer.alloc(Math.min(2 ** 20, size_bytes - at), key);
    await file.write(stretch);
    at += stretch.length;
    key = createHash("sha256").update(key).digest();
  }
  await file.close();
}
