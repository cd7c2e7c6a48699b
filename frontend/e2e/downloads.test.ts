import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";

const ONE_PICTURE = join(import.meta.dirname, "../../fixtures/one_picture.mp4");

let server: AssetLab;
let browser: TestBrowser;

beforeAll(async () => {
  server = await startAssetLab();
  browser = await openBrowser({ acceptDownloads: true });
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** The link that saves a quality of a film of this name. */
async function downloadOf(filename: string): Promise<string> {
  const form = new FormData();
  form.append("file", new Blob([await readFile(ONE_PICTURE)]), filename);
  const uploaded = await fetch(`${server.origin}/api/upload`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.token}` },
    body: form,
  });
  const { id } = (await uploaded.json()) as { id: string };
  const video = `${server.origin}/api/video/${id}`;
  for (;;) {
    const status = (await (await fetch(`${video}/status`)).json()) as {
      status: string;
      qualities: string[];
    };
    expect(status.status).not.toBe("error");
    if (status.status === "done") {
      const link = await fetch(`${video}/${status.qualities.at(-1)}?download=1`);
      return ((await link.json()) as { url: string }).url;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

it.each([
  // Chromium puts `_` for what no file system takes.
  ['say "hi", 100%; a=b.mov', "say _hi_, 100%; a=b.mp4"],
  ["🎬 été 映画.mkv", "🎬 été 映画.mp4"],
  ["שלום عالم.mp4", "שלום عالم.mp4"],
  [`${"Ж".repeat(100)}.mp4`, `${"Ж".repeat(100)}.mp4`],
])("saves a film called %s under its name", async (filename, saved) => {
  const { page } = browser;
  const url = await downloadOf(filename);
  const download = page.waitForEvent("download");
  // A navigation that becomes a download never arrives.
  await page.goto(url).catch(() => undefined);
  expect((await download).suggestedFilename()).toBe(saved);
});
