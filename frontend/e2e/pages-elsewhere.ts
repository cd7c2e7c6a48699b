import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { build } from "vite";

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/** Builds the pages for an API of another origin, as a site that hosts them does. */
export async function buildFor(apiUrl: string, folder: string): Promise<void> {
  const before = process.env.VITE_API_URL;
  process.env.VITE_API_URL = apiUrl;
  try {
    const root = join(import.meta.dirname, "..");
    await build({ root, logLevel: "warn", build: { outDir: folder, emptyOutDir: true } });
  } finally {
    if (before === undefined) delete process.env.VITE_API_URL;
    else process.env.VITE_API_URL = before;
  }
}

export interface Host {
  origin: string;
  close(): void;
}

/**
 * A host of static files as the README asks for it: with index.html where there is none, and as strict a
 * policy as the pages can do with.
 */
export async function serve(folder: string, apiUrl: string): Promise<Host> {
  const policy = [
    "default-src 'self'",
    `img-src 'self' ${apiUrl}`,
    `media-src 'self' blob: ${apiUrl}`,
    `connect-src 'self' ${apiUrl}`,
    "object-src 'none'",
    "base-uri 'none'",
  ].join("; ");
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://host").pathname);
    const file = await stat(join(folder, path)).catch(() => null);
    const name = file?.isFile() ? join(folder, path) : join(folder, "index.html");
    response.setHeader("Content-Type", TYPES[extname(name)] ?? "application/octet-stream");
    response.setHeader("Content-Security-Policy", policy);
    createReadStream(name).pipe(response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
