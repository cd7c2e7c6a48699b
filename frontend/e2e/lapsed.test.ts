import { afterAll, beforeAll, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { makeClips, type Clips } from "./clips";
import { play, untilDone, untilMoves, untilShown, uploadByApi, video } from "./watching";

const DURATION_S = 120;
const PRESIGN_TTL_S = 5;
/** The one place where real time has to pass: signatures go by the server's clock. */
const PAUSE_MS = 15_000;

let server: AssetLab;
let browser: TestBrowser;
let clips: Clips;
let id: string;
let resumeWorker: () => void;

beforeAll(async () => {
  clips = await makeClips();
  server = await startAssetLab({
    PRESIGN_TTL: `${PRESIGN_TTL_S}s`,
    LADDER: "360:30:400k",
    X264_PRESET: "ultrafast",
  });
  resumeWorker = await server.haltWorker();
  id = await uploadByApi(server, await clips.noisy(DURATION_S));
  browser = await openBrowser();
}, 240_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await clips?.remove();
});

/** Makes the line so thin that most of the original is still to come after the pause. */
async function thinLine(page: Page): Promise<() => Promise<void>> {
  const network = await browser.context.newCDPSession(page);
  const conditions = async (downloadThroughput: number) => {
    const line = { offline: false, latency: 0, downloadThroughput, uploadThroughput: -1 };
    await network.send("Network.emulateNetworkConditions", line);
  };
  await network.send("Network.enable");
  await conditions(1_000_000 / 8);
  return () => conditions(-1);
}

/** Holds back all of the stream but its beginning. */
async function holdStream(page: Page): Promise<() => Promise<void>> {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  let requests = 0;
  await page.route("**/*.mp4?*", async (route) => {
    requests += 1;
    if (requests > 3) await released;
    // What was given up meanwhile is nobody's business.
    await route.continue().catch(() => {});
  });
  return async () => release();
}

/** Pauses until every URL has lapsed, then plays on and seeks to what was never loaded. */
async function pauseAndGoOn(page: Page, release: () => Promise<void>): Promise<void> {
  await video(page).evaluate((element: HTMLVideoElement) => element.pause());
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  const loaded_s = await video(page).evaluate((element: HTMLVideoElement) =>
    element.buffered.end(element.buffered.length - 1),
  );
  expect(loaded_s, "something is left to load").toBeLessThan(DURATION_S - 30);
  await release();
  await video(page).evaluate((element: HTMLVideoElement) => element.play());
  await untilMoves(page);
  await video(page).evaluate((element: HTMLVideoElement, to_s) => {
    element.currentTime = to_s;
  }, DURATION_S - 10);
  await page.waitForFunction(
    (to_s) => document.querySelector("video")!.currentTime > to_s,
    DURATION_S - 9,
  );
  await untilMoves(page);
  expect(await page.getByRole("alert").count(), "no error is shown").toBe(0);
  expect(browser.complaints.splice(0).join("\n"), "a lapsed URL was tried").toContain("403 ");
}

it("goes on with the original after its URL has lapsed", async () => {
  const { page } = browser;
  await page.goto(`${server.origin}/watch/${id}`);
  const release = await thinLine(page);
  await untilShown(page, "original");
  await play(page);
  await pauseAndGoOn(page, release);
});

it("goes on with the stream after its URLs have lapsed", async () => {
  const { page } = browser;
  resumeWorker();
  await page.goto("about:blank");
  await untilDone(server, id);
  const release = await holdStream(page);
  // From the beginning, not from where the other test left off.
  await page.goto(`${server.origin}/watch/${id}?t=0`);
  await untilShown(page, "adaptive");
  await play(page);
  await pauseAndGoOn(page, release);
});
