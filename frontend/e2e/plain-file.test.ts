import { afterAll, beforeAll, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { CLOCK, makeClips, type Clips } from "./clips";
import { untilDone, uploadByApi } from "./watching";

const DURATION_S = 300;

let server: AssetLab;
let browser: TestBrowser;
let clips: Clips;
let url: string;

beforeAll(async () => {
  clips = await makeClips();
  server = await startAssetLab();
  const id = await uploadByApi(server, await clips.clock(DURATION_S));
  await untilDone(server, id);
  const answer = await fetch(`${server.origin}/api/video/${id}/360p`);
  url = ((await answer.json()) as { url: string }).url;
  browser = await openBrowser();
}, 240_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await clips?.remove();
});

/** Puts a file into a page of its own origin, so that its pixels may be read. */
async function show(page: Page, source: string): Promise<void> {
  await page.goto(`${server.origin}/`);
  await page.evaluate(
    (src) =>
      new Promise<void>((resolve, reject) => {
        const video = document.createElement("video");
        video.id = "plain";
        video.muted = true;
        video.preload = "auto";
        video.oncanplay = () => resolve();
        video.onerror = () => reject(new Error(video.error?.message));
        video.src = src;
        document.body.replaceChildren(video);
      }),
    source,
  );
}

async function seek(page: Page, to_s: number): Promise<void> {
  await page.evaluate(
    (position_s) =>
      new Promise<void>((resolve) => {
        const video = document.querySelector<HTMLVideoElement>("#plain")!;
        video.requestVideoFrameCallback(() => resolve());
        video.currentTime = position_s;
      }),
    to_s,
  );
}

/** Reads the second off the picture. */
async function secondShown(page: Page): Promise<number> {
  const [left, right] = await page.evaluate(() => {
    const video = document.querySelector<HTMLVideoElement>("#plain")!;
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    const context = canvas.getContext("2d")!;
    context.drawImage(video, 0, 0);
    const red = (x: number) =>
      context.getImageData(x * canvas.width, canvas.height / 2, 1, 1).data[0]!;
    return [red(0.25), red(0.75)] as const;
  });
  // The screen's range is full, the video's limited (BT.709, 16 to 235).
  const digit = (grey: number) => Math.round(((grey * 219) / 255 + 16 - CLOCK.black) / CLOCK.step);
  return digit(left) * CLOCK.base + digit(right);
}

it("plays a rung as a plain file: few requests, right length, right pictures", async () => {
  const { page, complaints } = browser;
  let requests = 0;
  const { pathname } = new URL(url);
  page.on("request", (request) => {
    if (new URL(request.url()).pathname === pathname) requests += 1;
  });

  await show(page, url);
  expect(requests, "requests before canplay").toBeLessThanOrEqual(3);
  const duration_s = await page.evaluate(
    () => document.querySelector<HTMLVideoElement>("#plain")!.duration,
  );
  expect(Math.abs(duration_s - DURATION_S)).toBeLessThanOrEqual(0.04);

  for (const second of [151, 17, 288, 77, 230]) {
    requests = 0;
    await seek(page, second + 0.5);
    expect(await secondShown(page)).toBe(second);
    expect(requests, `requests of the seek to ${second} s`).toBeLessThanOrEqual(10);
  }
  expect(complaints).toEqual([]);
});

it("plays when it was downloaded whole", async () => {
  const { page } = browser;
  await page.goto(`${server.origin}/`);
  const downloaded = await page.evaluate(async (source) => {
    const blob = await (await fetch(source)).blob();
    return URL.createObjectURL(blob);
  }, url);
  await page.evaluate(
    (src) =>
      new Promise<void>((resolve, reject) => {
        const video = document.createElement("video");
        video.id = "plain";
        video.muted = true;
        video.onerror = () => reject(new Error(video.error?.message));
        video.ontimeupdate = () => video.currentTime > 1 && resolve();
        video.src = src;
        document.body.replaceChildren(video);
        void video.play();
      }),
    downloaded,
  );
  await seek(page, 200.5);
  expect(await secondShown(page)).toBe(200);
});
