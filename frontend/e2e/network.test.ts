import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { BUTTERFLY, makeClips, type Clips } from "./clips";
import {
  play,
  untilDone,
  untilHeight,
  untilMoves,
  untilShown,
  uploadByApi,
  video,
} from "./watching";

const PLAYED_S = 12;

let server: AssetLab;
let browser: TestBrowser;
let clips: Clips;
let link: string;

beforeAll(async () => {
  clips = await makeClips();
  server = await startAssetLab();
  const id = await uploadByApi(server, await clips.pattern1080p(20));
  await untilDone(server, id);
  link = `${server.origin}/watch/${id}`;
}, 240_000);

afterAll(async () => {
  await server?.stop();
  await clips?.remove();
});

beforeEach(async () => {
  browser = await openBrowser();
  return () => browser.close();
});

it("plays 360p without a stall at 1000 kbit/s", async () => {
  const { page, context, complaints } = browser;
  const network = await context.newCDPSession(page);
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 40,
    downloadThroughput: 1_000_000 / 8,
    uploadThroughput: 1_000_000 / 8,
  });
  await page.goto(link);
  await untilShown(page, "adaptive");
  await play(page);
  await page.evaluate(() => {
    const element = document.querySelector("video")!;
    element.addEventListener("waiting", () => (element.dataset.stalled = "yes"));
    element.addEventListener("resize", () => (element.dataset.resized = "yes"));
  });
  await page.waitForFunction(
    (played_s) => document.querySelector("video")!.currentTime > played_s,
    PLAYED_S,
  );
  const seen = await page.evaluate(() => {
    const { videoHeight, dataset } = document.querySelector("video")!;
    return { videoHeight, stalled: dataset.stalled, resized: dataset.resized };
  });
  expect(seen).toEqual({ videoHeight: 360, stalled: undefined, resized: undefined });
  expect(complaints).toEqual([]);
});

it("starts at 360p on a line of 1000 kbit/s, and climbs to the top without a stall when it is freed", async () => {
  const { page, context, complaints } = browser;
  const network = await context.newCDPSession(page);
  const carry = async (downloadThroughput: number) => {
    const line = { offline: false, latency: 0, downloadThroughput, uploadThroughput: -1 };
    await network.send("Network.emulateNetworkConditions", line);
  };
  await network.send("Network.enable");
  await carry(1_000_000 / 8);
  await page.goto(link);
  await untilShown(page, "adaptive");
  await untilHeight(page, 360);
  await page.evaluate(() => {
    const element = document.querySelector("video")!;
    element.addEventListener("waiting", () => (element.dataset.stalled = "yes"));
  });
  // Before all of it is loaded at 360p.
  await carry(-1);
  await play(page);
  await untilHeight(page, 1080);
  await untilMoves(page);
  expect(await video(page).getAttribute("data-stalled")).toBeNull();
  expect(complaints).toEqual([]);
});

it("climbs to 1080p by itself on a fast line", async () => {
  const { page, complaints } = browser;
  await page.goto(link);
  await untilShown(page, "adaptive");
  await play(page);
  await untilHeight(page, 1080);
  expect(complaints).toEqual([]);
});

it("fetches a fresh URL when the signed one has lapsed", async () => {
  const brief = await startAssetLab({ PRESIGN_TTL: "4s" });
  onTestFinished(() => brief.stop());
  const id = await uploadByApi(brief, BUTTERFLY);
  await untilDone(brief, id);

  // The third request for media reaches the server only when its URL has lapsed.
  const { page, complaints } = browser;
  let requests = 0;
  await page.route("**/*.mp4?*", async (route) => {
    requests += 1;
    if (requests === 3) await untilLapsed(route.request().url());
    await route.continue();
  });
  await page.goto(`${brief.origin}/watch/${id}`);
  await untilShown(page, "adaptive");
  await play(page);
  await page.waitForFunction(() => document.querySelector("video")!.currentTime > 5);
  await untilMoves(page);
  expect(complaints.join("\n"), "a lapsed URL was tried").toContain("403 ");
});

const untilLapsed = (url: string) =>
  expect
    .poll(async () => (await fetch(url, { headers: { Range: "bytes=0-0" } })).status, {
      timeout: 30_000,
      interval: 250,
    })
    .toBe(403);
