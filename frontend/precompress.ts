import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import type { Plugin } from "vite";

/** Below that, a packet is a packet. */
const SMALLEST_BYTES = 1024;

/** Writes brotli and gzip beside each built file, as small as they get, for the server to send as they are. */
export function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    async writeBundle({ dir = "dist" }, bundle) {
      const files = Object.values(bundle).map((file) => {
        const content = Buffer.from(file.type === "chunk" ? file.code : file.source);
        return { path: join(dir, file.fileName), content };
      });
      const worth = files.filter(({ content }) => content.length >= SMALLEST_BYTES);
      await Promise.all(
        worth.flatMap(({ path, content }) => [
          promisify(brotliCompress)(content).then((bytes) => writeFile(`${path}.br`, bytes)),
          promisify(gzip)(content, { level: 9 }).then((bytes) => writeFile(`${path}.gz`, bytes)),
        ]),
      );
    },
  };
}
