import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { makeClips, type Clips, type Shape } from "./clips";
import { play, untilDone, untilShown, uploadByApi, video } from "./watching";

/** A minute of each clip; with `ASSETLAB_LONG=1` ten, of all of them and in every way. */
const LONG = Boolean(process.env.ASSETLAB_LONG);
const DURATION_S = LONG ? 600 : 60;
/** Inside a segment, and beyond what is buffered at the start. */
const MIDDLE_S = DURATION_S * 0.75 + 0.3;
/** Time for one measurement, with freezes in it. */
const END_S = DURATION_S - 14;
/** No beep is taken for that of a flash farther away. */
const FAR_MS = 500;
/** An audio graph joins the element's own buffers at a random phase, up to 40 ms wide. */
const RUNS = LONG ? 12 : 6;
/** Pictures by which the clocks are compared before a flash counts. */
const PICTURES = 10;

/** Runs in the audio graph: tells the graph's time in seconds when silence turns to sound. */
const BEEPS = `registerProcessor("beeps", class extends AudioWorkletProcessor {
  lastLoud = 0;
  process([input]) {
    for (const [at, sample] of (input[0] ?? []).entries()) {
      if (Math.abs(sample) < 0.05) continue;
      const now = (currentFrame + at) / sampleRate;
      if (now > this.lastLoud + 0.3) this.port.postMessage(now);
      this.lastLoud = now;
    }
    return true;
  }
})`;

/** How a rung is played, and from where. */
const WAYS = {
  "as a plain file": { inPlayer: false, from_s: 0 },
  "as a plain file, near its end": { inPlayer: false, from_s: END_S },
  "in the player, from the start": { inPlayer: true, from_s: 0 },
  "in the player, started in the middle": { inPlayer: true, from_s: MIDDLE_S },
  "in the player, near its end": { inPlayer: true, from_s: END_S },
};
type Way = keyof typeof WAYS;

interface Case {
  name: string;
  shape: Shape;
  frame_ms: number;
  /** Those worth a quarter of a minute in every run. */
  ways: Way[];
}

const CASES: Case[] = [
  {
    name: "a film of 25 fps",
    shape: {},
    frame_ms: 1000 / 25,
    ways: [
      "as a plain file",
      "as a plain file, near its end",
      "in the player, from the start",
      "in the player, started in the middle",
    ],
  },
  {
    name: "a recording with freezes",
    shape: { freezes: true },
    frame_ms: 1000 / 30,
    ways: ["in the player, started in the middle"],
  },
  {
    name: "sound that begins late",
    shape: { rate: "30", soundFrom_s: 0.7 },
    frame_ms: 1000 / 30,
    ways: ["in the player, from the start"],
  },
  { name: "23.976 fps", shape: { rate: "24000/1001" }, frame_ms: 1001 / 24, ways: [] },
  { name: "29.97 fps", shape: { rate: "30000/1001" }, frame_ms: 1001 / 30, ways: [] },
  { name: "60 fps", shape: { rate: "60" }, frame_ms: 1000 / 60, ways: [] },
];

let server: AssetLab;
let browser: TestBrowser;
let clips: Clips;
/** Of an original in plain playback: what the browser itself adds. */
let reference_ms: number;

beforeAll(async () => {
  clips = await makeClips();
  server = await startAssetLab({ X264_PRESET: "ultrafast" });
  browser = await openBrowser({ bypassCSP: true });
  const file = await clips.flashAndBeep(20);
  await browser.context.route("**/reference.mp4", (route) => route.fulfill({ path: file }));
  const show = (page: Page) => open(page, "/reference.mp4", 0);
  reference_ms = await lag_ms(show, 1000 / 25, 2 * RUNS);
}, 240_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await clips?.remove();
});

/** Shows the video anew and measures, several times; the mean. */
async function lag_ms(
  show: (page: Page) => Promise<void>,
  frame_ms: number,
  runs = RUNS,
): Promise<number> {
  let sum_ms = 0;
  for (let run = 0; run < runs; run += 1) {
    await show(browser.page);
    sum_ms += await measure_ms(browser.page, frame_ms);
  }
  return sum_ms / runs;
}

async function open(page: Page, source: string, from_s: number): Promise<void> {
  await page.goto(`${server.origin}/`);
  await page.evaluate((src) => {
    const element = document.createElement("video");
    element.src = src;
    document.body.replaceChildren(element);
  }, source);
  if (from_s > 0) await seek(page, from_s);
}

async function openRung(page: Page, id: string, from_s: number): Promise<void> {
  const answer = await fetch(`${server.origin}/api/video/${id}/360p`);
  const { url } = (await answer.json()) as { url: string };
  await open(page, url, from_s);
}

async function watch(page: Page, id: string, from_s: number): Promise<void> {
  await page.goto(`${server.origin}/watch/${id}`);
  await untilShown(page, "adaptive");
  if (from_s > 0) await seek(page, from_s);
}

async function seek(page: Page, to_s: number): Promise<void> {
  await video(page).evaluate((element: HTMLVideoElement, position_s) => {
    element.currentTime = position_s;
  }, to_s);
  await play(page);
}

/**
 * How much later than its flash a beep is heard, as the page plays. Pictures are timed by the
 * frame callback, sound by an audio graph. Both tell when, by the wall clock, a moment of their
 * own time comes, but in steps of a screen's refresh and of an audio buffer: so by the median.
 */
const measure_ms = (page: Page, frame_ms: number): Promise<number> =>
  page.evaluate(
    async ({ frame_ms, pictures, far_ms, beeps }) => {
      const median = (values: number[]) =>
        values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
      const element = document.querySelector("video")!;
      const audio = new AudioContext();
      await audio.resume();
      const module = new Blob([beeps], { type: "text/javascript" });
      await audio.audioWorklet.addModule(URL.createObjectURL(module));
      const tap = new AudioWorkletNode(audio, "beeps");
      audio.createMediaElementSource(element).connect(tap).connect(audio.destination);
      const beeps_ms: number[] = [];
      tap.port.onmessage = ({ data }) => beeps_ms.push(data * 1000);

      const screen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })!;
      const graphToWall_ms: number[] = [];
      const mediaToWall_ms: number[] = [];
      element.muted = false;
      await element.play();
      return new Promise<number>((resolve) => {
        let before_ms = NaN;
        let flash_ms = NaN;
        let wasBright = true;
        const look = (_now: number, frame: VideoFrameCallbackMetadata) => {
          const now_ms = frame.mediaTime * 1000;
          const { contextTime, performanceTime } = audio.getOutputTimestamp();
          graphToWall_ms.push(performanceTime! - contextTime! * 1000);
          mediaToWall_ms.push(frame.expectedDisplayTime - now_ms);
          screen.drawImage(element, 0, 0, 1, 1);
          const bright = screen.getImageData(0, 0, 1, 1).data[0]! > 128;
          // A busy machine skips callbacks: then this may not be the flash's first picture.
          const isNext = now_ms > before_ms && now_ms - before_ms < 1.5 * frame_ms;
          if (bright && !wasBright && isNext && mediaToWall_ms.length > pictures) {
            flash_ms = now_ms;
          }
          [before_ms, wasBright] = [now_ms, bright];
          if (now_ms < flash_ms + far_ms || Number.isNaN(flash_ms)) {
            element.requestVideoFrameCallback(look);
            return;
          }
          element.pause();
          const apart_ms = median(graphToWall_ms) - median(mediaToWall_ms);
          const lags_ms = beeps_ms.map((beep_ms) => beep_ms - flash_ms + apart_ms);
          const nearest_ms = lags_ms.reduce((a, b) => (Math.abs(a) < Math.abs(b) ? a : b), far_ms);
          resolve(nearest_ms);
        };
        element.requestVideoFrameCallback(look);
      });
    },
    { frame_ms, pictures: PICTURES, far_ms: FAR_MS, beeps: BEEPS },
  );

const RUN_CASES = LONG
  ? CASES.map((one) => ({ ...one, ways: Object.keys(WAYS) as Way[] }))
  : CASES.filter(({ ways }) => ways.length > 0);

describe.each(RUN_CASES)("keeps sound and picture together: $name", ({ shape, frame_ms, ways }) => {
  let id: string;

  beforeAll(async () => {
    id = await uploadByApi(server, await clips.flashAndBeep(DURATION_S, shape));
    await untilDone(server, id, 2 * DURATION_S);
  }, 4_000 * DURATION_S);

  it.each(ways)("%s", async (way) => {
    const { inPlayer, from_s } = WAYS[way];
    const show = (page: Page) => (inPlayer ? watch : openRung)(page, id, from_s);
    const moved_ms = (await lag_ms(show, frame_ms)) - reference_ms;
    console.info(
      `${JSON.stringify(shape)} ${way}: ${moved_ms.toFixed(1)} ms of ${frame_ms.toFixed(1)}`,
    );
    expect(Math.abs(moved_ms), "ms apart").toBeLessThanOrEqual(frame_ms);
  });
});
