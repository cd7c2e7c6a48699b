import { afterAll, beforeAll, expect, it } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { BUTTERFLY, makeClips, type Clips } from "./clips";
import {
  choose,
  openSettings,
  play,
  position_s,
  untilDone,
  untilHeight,
  untilMoves,
  untilShown,
  video,
} from "./watching";

let server: AssetLab;
let browser: TestBrowser;
let clips: Clips;

beforeAll(async () => {
  clips = await makeClips();
  server = await startAssetLab();
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await clips?.remove();
});

/** Uploads through the page and answers with the link that it shows, once it is whole. */
async function uploadByPage(file: string): Promise<string> {
  const { page } = browser;
  await page.goto("about:blank");
  await page.goto(server.link);
  await page.setInputFiles("input[type=file]", file);
  await page.getByRole("link", { name: "Open" }).waitFor();
  return page.getByLabel("Link to the video").inputValue();
}

it("uploads a film, waits and plays it at every quality", async () => {
  const { page, complaints } = browser;
  const link = await uploadByPage(await clips.pattern1080p(12));
  expect(new URL(page.url()).hash, "the token is gone from the address bar").toBe("");
  await page.getByText("Ready in every quality").waitFor({ timeout: 120_000 });

  await page.goto(link);
  await untilShown(page, "adaptive");
  expect(await page.title()).toBe("pattern-12s · AssetLab");
  await play(page);
  for (const height of [1080, 360, 720]) {
    await choose(page, `${height}p`);
    await untilHeight(page, height);
    await untilMoves(page);
  }

  await choose(page, "Auto");
  await openSettings(page);
  await page.getByRole("menuitemradio", { name: /^Auto · \d+p$/, checked: true }).waitFor();
  await page.keyboard.press("Escape");
  await untilHeight(page, 1080);
  await untilMoves(page);
  expect(complaints).toEqual([]);
});

it("plays the original at once and goes over to the adaptive stream where it was", async () => {
  const { page, complaints } = browser;
  // The news that the video is done is held back until the original has played for a while.
  // Without the event stream the page has to ask.
  let held = true;
  await page.route("**/api/video/*/events", (route) => route.fulfill({ status: 503 }));
  await page.route("**/api/video/*/status", async (route) => {
    const response = await route.fetch();
    const status = { ...(await response.json()) };
    if (held) Object.assign(status, { status: "processing", progress: 0.5, qualities: [] });
    await route.fulfill({ response, json: status });
  });

  const link = await uploadByPage(BUTTERFLY);
  await page.goto(link);
  await untilShown(page, "original");
  await page.getByText("50 %").waitFor();
  await play(page);
  await untilDone(server, link.split("/").at(-1)!);
  await video(page).evaluate((element: HTMLVideoElement) => (element.playbackRate = 0.5));
  await page.waitForFunction(() => {
    const { currentTime } = document.querySelector("video")!;
    return currentTime > 2 && currentTime < 4;
  });
  const before_s = await position_s(page);
  held = false;

  await untilShown(page, "adaptive");
  await untilMoves(page);
  const after_s = await position_s(page);
  expect(after_s).toBeGreaterThan(before_s);
  expect(after_s).toBeLessThan(before_s + 3);
  expect(await video(page).evaluate((element: HTMLVideoElement) => element.playbackRate)).toBe(0.5);
  await page.unroute("**/api/video/*/status");
  await page.unroute("**/api/video/*/events");
  expect(complaints.splice(0), "one stream was refused, nothing else").toEqual([
    `503 ${new URL(link).pathname.replace("watch", "api/video")}/events`,
    "console: Failed to load resource: the server responded with a status of 503 (Service Unavailable)",
  ]);
});

it("plays through another address of the same machine", async () => {
  const link = new URL(await uploadByPage(BUTTERFLY));
  link.hostname = "127.0.0.2";
  const { page, complaints } = browser;
  await page.goto(link.href);
  await untilShown(page, "adaptive");
  await play(page);
  expect(complaints).toEqual([]);
});
