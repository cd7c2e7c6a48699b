import { execFile } from "node:child_process";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser } from "./browser";
import { BUTTERFLY, makeClips, type Clips } from "./clips";
import { play, untilDone, untilHeight, untilShown, uploadByApi, video } from "./watching";

/** Every state, to be looked at; the README's two are copied to docs/. */
const FOLDER = join(import.meta.dirname, "../../target/screenshots");
const DOCS = join(import.meta.dirname, "../../docs");

const SIZES = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
} as const;

const run = promisify(execFile);

let server: AssetLab;
let clips: Clips;
let film: string;
let done: string;

beforeAll(async () => {
  await mkdir(FOLDER, { recursive: true });
  await mkdir(DOCS, { recursive: true });
  clips = await makeClips();
  film = join(clips.folder, "Butterfly in the garden.mp4");
  await copyFile(BUTTERFLY, film);
  server = await startAssetLab();
  done = await uploadByApi(server, film);
  await untilDone(server, done);
});

afterAll(async () => {
  await server?.stop();
  await clips?.remove();
});

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["light", "dark"] as const) {
    describe(`${size}, ${colorScheme}`, () => {
      const shoot = (page: Page, name: string) =>
        page.screenshot({ path: join(FOLDER, `${name}-${size}-${colorScheme}.png`) });

      it("the upload page", async () => {
        const { page, close } = await openBrowser({ viewport, colorScheme });
        await page.goto(server.origin);
        await page.getByLabel("Token").waitFor();
        await shoot(page, "token");
        await page.goto("about:blank");
        await page.goto(server.link);
        await page.getByRole("button", { name: "Choose files" }).waitFor();
        await shoot(page, "upload");
        await page.setInputFiles("input[type=file]", film);
        await page.getByLabel("Link to the video").waitFor();
        await page.getByRole("progressbar").waitFor();
        await shoot(page, "uploaded");
        await page.getByText("Ready in every quality").waitFor();
        await shoot(page, "uploaded-done");
        await close();
      });

      it("the watch page", async () => {
        const { page, close } = await openBrowser({ viewport, colorScheme });
        await page.goto(`${server.origin}/watch/${done}`);
        await untilShown(page, "adaptive");
        await play(page);
        await untilHeight(page, 720);
        await video(page).evaluate((element: HTMLVideoElement) => {
          element.pause();
          // A picture of the picture: the browser's own controls look different everywhere.
          element.controls = false;
          element.currentTime = 5.5;
        });
        await page.waitForFunction(() => !document.querySelector("video")!.seeking);
        await shoot(page, "watch");
        await page.goto(`${server.origin}/watch/0193e4a0-7f3a-7abc-8def-0123456789ab`);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await shoot(page, "missing");
        await close();
      });
    });
  }
}

it("copies the README's two, small", async () => {
  const fewerColours = "split[a][b];[a]palettegen[palette];[b][palette]paletteuse";
  for (const name of ["upload", "watch"]) {
    const from = join(FOLDER, `${name}-desktop-light.png`);
    const to = join(DOCS, `${name}.png`);
    await run("ffmpeg", ["-loglevel", "error", "-y", "-i", from, "-vf", fewerColours, to]);
  }
});
