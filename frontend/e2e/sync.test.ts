import { afterAll, beforeAll, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { FLASH_EVERY_S, makeClips, type Clips } from "./clips";
import { play, untilDone, untilShown, uploadByApi, video } from "./watching";

const FRAME_MS = 1000 / 25;
const FLASHES = 5;
/** An audio graph joins the element's own buffers at a random phase, some 20 ms wide. */
const RUNS = 3;

let server: AssetLab;
let browser: TestBrowser;
let clips: Clips;
let id: string;
/** Of the original in plain playback: what the browser itself adds. */
let reference_ms: number;

beforeAll(async () => {
  clips = await makeClips();
  server = await startAssetLab({ KEEP_ORIGINALS: "true" });
  browser = await openBrowser();
  const file = await clips.flashAndBeep(60);
  await browser.context.route("**/reference.mp4", (route) => route.fulfill({ path: file }));
  reference_ms = await lagOfFile_ms("/reference.mp4");
  id = await uploadByApi(server, file);
  await untilDone(server, id);
}, 240_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await clips?.remove();
});

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Shows the video anew and measures, several times. */
async function lag_ms(show: (page: Page) => Promise<void>): Promise<number> {
  const runs: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    await show(browser.page);
    runs.push(await measure_ms(browser.page));
  }
  return median(runs);
}

const lagOfFile_ms = (source: string) =>
  lag_ms(async (page) => {
    await page.goto(`${server.origin}/`);
    await page.evaluate((src) => {
      const element = document.createElement("video");
      element.src = src;
      document.body.replaceChildren(element);
    }, source);
  });

/**
 * How much later than its flash a beep is heard, the median of several, as the page plays.
 * Pictures are timed by the frame callback, sound by the clock of an audio graph.
 */
async function measure_ms(page: Page): Promise<number> {
  const lags_ms = await page.evaluate(
    async ({ flashes, every_ms }) => {
      const element = document.querySelector("video")!;
      const audio = new AudioContext();
      await audio.resume();
      const tap = audio.createScriptProcessor(512, 2, 2);
      audio.createMediaElementSource(element).connect(tap);
      tap.connect(audio.destination);

      const beeps_ms: number[] = [];
      let wasLoud = true;
      tap.onaudioprocess = ({ inputBuffer, playbackTime }) => {
        const { contextTime, performanceTime } = audio.getOutputTimestamp();
        const samples = inputBuffer.getChannelData(0);
        const at = samples.findIndex((sample) => Math.abs(sample) > 0.05);
        if (at >= 0 && !wasLoud) {
          const heard_s = playbackTime + at / audio.sampleRate;
          beeps_ms.push((heard_s - contextTime!) * 1000 + performanceTime!);
        }
        wasLoud = at >= 0;
      };

      const screen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })!;
      const seen_ms: number[] = [];
      let wasBright = true;
      const look = (_now: number, frame: VideoFrameCallbackMetadata) => {
        screen.drawImage(element, 0, 0, 1, 1);
        const bright = screen.getImageData(0, 0, 1, 1).data[0]! > 128;
        if (bright && !wasBright) seen_ms.push(frame.expectedDisplayTime);
        wasBright = bright;
        element.requestVideoFrameCallback(look);
      };
      element.requestVideoFrameCallback(look);
      element.muted = false;
      await element.play();

      return new Promise<number[]>((resolve) => {
        const check = () => {
          if (seen_ms.length <= flashes || beeps_ms.length <= flashes) return;
          element.removeEventListener("timeupdate", check);
          element.pause();
          resolve(
            seen_ms.slice(0, flashes).map((seen) => {
              const lags = beeps_ms.map((beep) => beep - seen);
              const nearest = lags.reduce((a, b) => (Math.abs(a) < Math.abs(b) ? a : b));
              return Math.max(-every_ms / 2, Math.min(every_ms / 2, nearest));
            }),
          );
        };
        element.addEventListener("timeupdate", check);
      });
    },
    { flashes: FLASHES, every_ms: FLASH_EVERY_S * 1000 },
  );
  return median(lags_ms);
}

const expectInSync = (found_ms: number) =>
  expect(Math.abs(found_ms - reference_ms), "ms apart").toBeLessThanOrEqual(FRAME_MS);

it("keeps sound and picture together in plain playback of a rung", async () => {
  const answer = await fetch(`${server.origin}/api/video/${id}/360p`);
  const { url } = (await answer.json()) as { url: string };
  expectInSync(await lagOfFile_ms(url));
});

const watch = async (page: Page) => {
  await page.goto(`${server.origin}/watch/${id}`);
  await untilShown(page, "adaptive");
};

it("keeps them together in the player, from the start", async () => {
  expectInSync(await lag_ms(watch));
});

it("keeps them together in the player, started in the middle", async () => {
  const startInTheMiddle = async (page: Page) => {
    await watch(page);
    // Beyond what is buffered, and inside a segment.
    await video(page).evaluate((element: HTMLVideoElement) => (element.currentTime = 45.3));
    await play(page);
  };
  expectInSync(await lag_ms(startInTheMiddle));
});
