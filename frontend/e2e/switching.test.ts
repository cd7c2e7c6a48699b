import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type Hls from "hls.js";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { COUNTER, makeClips, type Clips } from "./clips";
import { untilDone, uploadByApi } from "./watching";

const HLS = join(import.meta.dirname, "../node_modules/hls.js/dist/hls.js");
const DURATION_S = 20;
/** The lower rung is encoded, the upper one the original's own pictures. */
const HEIGHTS = [180, 360];
/** A segment's first picture, its neighbours, and some that lie within. */
const PICTURES = [0, 1, 37, 99, 100, 101, 151, 299, 300, 498, 499];
/** How far the compositor may be ahead of the element's clock, in pictures. */
const AHEAD = 2;

/** What the page keeps for the tests. */
interface Stage {
  hls: Hls;
  video: HTMLVideoElement;
  /** What hls.js and the element complained of. */
  complaints: string[];
  /** Of each picture that was shown: its time, the number in it, when it was looked at, its height. */
  shown: { time_s: number; number: number; now_s: number; height: number }[];
  numberShown(): number;
}

declare const stage: Stage;

let server: AssetLab;
let browser: TestBrowser;
let clips: Clips;
let master: string;

beforeAll(async () => {
  clips = await makeClips();
  server = await startAssetLab({ LADDER: "180:23:200k,360:23:800k", X264_PRESET: "ultrafast" });
  const id = await uploadByApi(server, await clips.counter(DURATION_S));
  await untilDone(server, id);
  const answer = await fetch(`${server.origin}/api/video/${id}/status`);
  const status = (await answer.json()) as { renditions: { copied: boolean }[] };
  expect(status.renditions.map((rendition) => rendition.copied)).toEqual([false, true]);
  master = `${server.origin}/api/video/${id}/hls/master.m3u8`;
}, 240_000);

afterAll(async () => {
  await server?.stop();
  await clips?.remove();
});

beforeEach(async () => {
  browser = await openBrowser({ bypassCSP: true });
  return () => browser.close();
});

/** An element with hls.js of its own, on which nothing but the test chooses the level. */
async function open(startLevel: number): Promise<void> {
  const { page } = browser;
  await page.goto(`${server.origin}/`);
  await page.addScriptTag({ path: HLS });
  await page.evaluate(
    async ({ master, startLevel, counter }) => {
      const Player = (window as unknown as { Hls: typeof Hls }).Hls;
      const video = document.createElement("video");
      video.muted = true;
      document.body.replaceChildren(video);
      const screen = new OffscreenCanvas(48, 27).getContext("2d", { willReadFrequently: true })!;
      const { digits, base, black, step } = counter;
      const numberShown = () => {
        screen.drawImage(video, 0, 0, 48, 27);
        let number = 0;
        for (let digit = 0; digit < digits; digit += 1) {
          const x = ((digit + 0.5) * 48) / digits;
          const red = screen.getImageData(x, 22, 1, 1).data[0]!;
          // The screen's range is full, the video's limited (BT.709, 16 to 235).
          number = number * base + Math.round(((red * 219) / 255 + 16 - black) / step);
        }
        return number;
      };
      const complaints: string[] = [];
      video.onerror = () => complaints.push(`element: ${video.error?.message}`);
      const hls = new Player({ startLevel, backBufferLength: Infinity });
      hls.on(Player.Events.ERROR, (_event, { type, details, fatal }) => {
        // When the level changes it gives up a request of its own, or asks for a segment again that
        // is there in the other level: then there is more of nothing, whoever encoded it.
        const { INTERNAL_ABORTED, BUFFER_APPEND_NO_PROGRESS } = Player.ErrorDetails;
        if ([INTERNAL_ABORTED, BUFFER_APPEND_NO_PROGRESS].includes(details)) return;
        complaints.push(`hls.js: ${type} ${details}${fatal ? ", fatal" : ""}`);
      });
      const shown: Stage["shown"] = [];
      const look = (_now: number, { mediaTime, height }: VideoFrameCallbackMetadata) => {
        const number = numberShown();
        shown.push({ time_s: mediaTime, number, now_s: video.currentTime, height });
        video.requestVideoFrameCallback(look);
      };
      video.requestVideoFrameCallback(look);
      Object.assign(window, { stage: { hls, video, complaints, shown, numberShown } });
      hls.loadSource(master);
      hls.attachMedia(video);
      await new Promise<void>((resolve) =>
        hls.once(Player.Events.MANIFEST_PARSED, () => resolve()),
      );
      hls.loadLevel = startLevel;
    },
    { master, startLevel, counter: COUNTER },
  );
}

/** Nothing was complained of, nothing is missing, and each picture was shown at its time. */
async function expectNoGlitch(): Promise<void> {
  const seen = await browser.page.evaluate(() => {
    const { video, complaints, shown } = stage;
    return { complaints, shown, ranges: video.buffered.length, error: video.error?.message };
  });
  expect(seen.complaints).toEqual([]);
  expect(seen.error).toBeUndefined();
  expect(seen.ranges, "ranges in `buffered`").toBe(1);
  const { fps } = COUNTER;
  // On a busy machine a later picture is there when the callback comes to look.
  const apart = seen.shown.filter(({ time_s, number, now_s }) => {
    const hasWrapped = now_s < time_s;
    return number < Math.round(time_s * fps) || (number > now_s * fps + AHEAD && !hasWrapped);
  });
  expect(apart, `of ${seen.shown.length} pictures`).toEqual([]);
  expect(browser.complaints).toEqual([]);
}

it("joins segments of both rungs without a gap", async () => {
  const { page } = browser;
  await open(0);
  // By hand, since hls.js is free to ask for a segment in both levels.
  const buffered_s = await page.evaluate(async (master) => {
    const { hls, video } = stage;
    const codecs = hls.levels[1]!.codecs;
    hls.destroy();
    const rungs = await Promise.all(
      ["180p", "360p"].map(async (name) => {
        const url = master.replace("master", name);
        const lines = (await (await fetch(url)).text()).split("\n");
        const file = new URL(
          lines.find((line) => line && !line.startsWith("#"))!,
          url,
        );
        const bytes = new Uint8Array(await (await fetch(file)).arrayBuffer());
        const ranges = lines.filter((line) => line.includes("BYTERANGE"));
        return ranges.map((line) => {
          const [, length, offset] = /(\d+)@(\d+)/.exec(line)!.map(Number);
          return bytes.slice(offset, offset! + length!);
        });
      }),
    );
    const source = new MediaSource();
    video.src = URL.createObjectURL(source);
    await new Promise((resolve) => (source.onsourceopen = resolve));
    const buffer = source.addSourceBuffer(`video/mp4; codecs="${codecs}"`);
    const append = (bytes: Uint8Array<ArrayBuffer>) => {
      const appended = new Promise((resolve) => (buffer.onupdateend = resolve));
      buffer.appendBuffer(bytes);
      return appended;
    };
    // The initialisation section stands before the segments.
    for (let part = 1; part < rungs[0]!.length; part += 1) {
      const rung = rungs[(part - 1) % 2]!;
      await append(rung[0]!);
      await append(rung[part]!);
    }
    source.endOfStream();
    video.playbackRate = 2;
    await video.play();
    await new Promise<void>((resolve) => (video.onended = () => resolve()));
    return video.buffered.end(0) - video.buffered.start(0);
  }, master);
  await expectNoGlitch();
  expect(Math.abs(buffered_s - DURATION_S)).toBeLessThan(0.05);
  const heights = await page.evaluate(() => stage.shown.map(({ height }) => height));
  const changes = heights.filter((height, at) => at > 0 && height !== heights[at - 1]);
  expect(changes, "heights after each join").toEqual([360, 180, 360, 180]);
});

it.each(["currentLevel", "nextLevel"] as const)("switches by %s while it plays", async (how) => {
  const { page } = browser;
  await open(0);
  await page.evaluate(async () => {
    stage.video.loop = true;
    await stage.video.play();
  });
  for (const level of [1, 0, 1, 0]) {
    await page.evaluate(
      ({ how, level }) => {
        stage.hls[how] = level;
      },
      { how, level },
    );
    await page.waitForFunction(
      (height) => stage.video.videoHeight === height && !stage.video.seeking,
      HEIGHTS[level],
    );
    const before_s = await page.evaluate(() => stage.video.currentTime);
    await page.waitForFunction((before) => {
      const { currentTime, paused } = stage.video;
      return !paused && Math.abs(currentTime - before) > 0.5;
    }, before_s);
    await expectNoGlitch();
  }
});

it.each([0, 1])("shows the same pictures at the same times in level %i", async (level) => {
  const { page } = browser;
  await open(level);
  const numbers = await page.evaluate(
    async ({ pictures, fps }) => {
      const { video, numberShown } = stage;
      const numbers: number[] = [];
      for (const picture of pictures) {
        const presented = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
        video.currentTime = (picture + 0.5) / fps;
        await presented;
        await new Promise<void>((resolve) => {
          if (!video.seeking) resolve();
          video.onseeked = () => resolve();
        });
        numbers.push(numberShown());
      }
      return numbers;
    },
    { pictures: PICTURES, fps: COUNTER.fps },
  );
  expect(numbers).toEqual(PICTURES);
  await page.waitForFunction((height) => stage.video.videoHeight === height, HEIGHTS[level]);
  await expectNoGlitch();
});
