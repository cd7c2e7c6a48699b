import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { BUTTERFLY } from "./clips";
import { buildFor, serve, type Host } from "./pages-elsewhere";
import { play, untilDone, untilShown } from "./watching";

/** Pages of another origin than the API's. */
let host: Host;
let folder: string;
let port: string;
let browser: TestBrowser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "assetlab-pages-"));
  port = await freePort();
  const apiUrl = `http://127.0.0.1:${port}`;
  await buildFor(apiUrl, folder);
  host = await serve(folder, apiUrl);
});

afterAll(async () => {
  host?.close();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  browser = await openBrowser();
  return () => browser.close();
});

/** The address stands in the build, so it has to be known before. */
async function freePort(): Promise<string> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((listening) => probe.once("listening", listening));
  const { port } = probe.address() as AddressInfo;
  await new Promise((closed) => probe.close(closed));
  return String(port);
}

async function withServer(
  env: Record<string, string>,
  use: (server: AssetLab) => Promise<void>,
): Promise<void> {
  const server = await startAssetLab({ PORT: port, ...env });
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

it("uploads, plays and lists videos with pages hosted elsewhere, whose origin is allowed", async () => {
  await withServer({ CORS_ORIGINS: host.origin }, async (server) => {
    const { page, complaints } = browser;
    await page.goto(`${host.origin}/#token=${server.token}`);
    await page.setInputFiles("input[type=file]", BUTTERFLY);
    const link = await page.getByLabel("Link to the video").inputValue();
    const id = new URL(link).pathname.slice("/watch/".length);
    expect(link).toBe(`${host.origin}/watch/${id}`);
    await untilDone(server, id);

    await page.goto(link);
    await untilShown(page, "adaptive");
    await play(page);
    await page.goto(`${host.origin}/videos`);
    const card = page.getByRole("article").filter({ hasText: "butterfly" });
    await card.getByText("0:08").waitFor();
    await card.getByRole("button", { name: /^Delete/ }).click();
    await page.getByRole("button", { name: "Delete for good" }).click();
    await page.getByRole("heading", { name: "No videos yet" }).waitFor();
    expect(complaints).toEqual([]);
  });
});

it("says that the server cannot be reached where the pages' origin is not allowed", async () => {
  await withServer({}, async (server) => {
    const { page } = browser;
    await page.goto(`${host.origin}/videos#token=${server.token}`);
    await page.getByText("No connection to the server. Trying again…").waitFor();
    expect(await page.getByRole("article").count()).toBe(0);
    await page.goto(`${host.origin}/watch/0193e4a0-7f3a-7abc-8def-0123456789ab`);
    await page.getByText("No connection to the server").waitFor();
    await page.goto(`${host.origin}/`);
    await page.setInputFiles("input[type=file]", BUTTERFLY);
    await page.getByText("The connection to the server was lost.").waitFor();
    const listed = await fetch(`${server.origin}/api/videos`, {
      headers: { Authorization: `Bearer ${server.token}` },
    });
    expect(await listed.json()).toEqual({ videos: [] });
  });
});
