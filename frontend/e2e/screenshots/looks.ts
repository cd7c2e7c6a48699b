import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { openBrowser, type TestBrowser } from "../browser";
import { BUTTERFLY } from "../clips";

/** Every state, to be looked at; the README's are copied to docs/. */
export const FOLDER = join(import.meta.dirname, "../../../target/screenshots");

const run = promisify(execFile);

const SIZES = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844, hasTouch: true, isMobile: true },
} as const;

export interface Look extends TestBrowser {
  shoot(name: string): Promise<void>;
}

/** In each size and colour scheme, a browser with a fresh profile. */
export const LOOKS = Object.entries(SIZES).flatMap(([size, { width, height, ...device }]) =>
  (["light", "dark"] as const).map((colorScheme) => ({
    name: `${size}, ${colorScheme}`,
    async open(): Promise<Look> {
      await mkdir(FOLDER, { recursive: true });
      const viewport = { width, height };
      const browser = await openBrowser({ viewport, colorScheme, ...device });
      const shoot = async (name: string) => {
        await settle(browser.page);
        const path = join(FOLDER, `${name}-${size}-${colorScheme}.png`);
        await browser.page.screenshot({ path });
      };
      return { ...browser, shoot };
    },
  })),
);

/** Until pictures are there and nothing fades any more. */
async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const passing = document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.all(passing.map(({ finished }) => finished.catch(() => {})));
    const images = [...document.images].filter(
      ({ complete, loading }) => !complete && loading !== "lazy",
    );
    await Promise.all(images.map((image) => image.decode().catch(() => {})));
  });
}

/** Cut out of the same film, so that shapes can be compared. */
export const SHAPES = {
  portrait: "crop=404:720",
  square: "crop=720:720",
  "4-3": "crop=960:720",
  "21-9": "crop=1280:548",
} as const;

export async function reshape(folder: string, name: keyof typeof SHAPES): Promise<string> {
  const file = join(folder, `Butterfly ${name}.mp4`);
  const encoding = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-c:a", "copy"];
  await run("ffmpeg", ["-v", "error", "-i", BUTTERFLY, "-vf", SHAPES[name], ...encoding, file]);
  return file;
}

export async function silence(folder: string): Promise<string> {
  const file = join(folder, "Butterfly without sound.mp4");
  await run("ffmpeg", ["-v", "error", "-i", BUTTERFLY, "-c", "copy", "-an", file]);
  return file;
}

/** Pictures that browsers do not know: nothing plays before the transcode is done. */
export async function unplayable(folder: string): Promise<string> {
  const file = join(folder, "Butterfly on tape.avi");
  await run("ffmpeg", [
    "-v",
    "error",
    "-i",
    BUTTERFLY,
    "-c:v",
    "mpeg4",
    "-q:v",
    "4",
    "-c:a",
    "mp3",
    file,
  ]);
  return file;
}
