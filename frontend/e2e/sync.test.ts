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
/** Time for the flashes of one measurement, with freezes between them. */
const END_S = DURATION_S - 14;
const FLASHES = 5;
/** No beep is taken for that of a flash farther away. */
const FAR_MS = 500;
/** An audio graph joins the element's own buffers at a random phase, some 20 ms wide. */
const RUNS = 3;

/** How a rung is played, and from where. */
const WAYS = {
  "as a plain file": (id: string) => lagOfRung_ms(id, 0),
  "as a plain file, near its end": (id: string) => lagOfRung_ms(id, END_S),
  "in the player, from the start": (id: string) => lag_ms((page) => watch(page, id)),
  "in the player, started in the middle": (id: string) =>
    lag_ms((page) => watch(page, id, MIDDLE_S)),
  "in the player, near its end": (id: string) => lag_ms((page) => watch(page, id, END_S)),
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
  browser = await openBrowser();
  const file = await clips.flashAndBeep(20);
  await browser.context.route("**/reference.mp4", (route) => route.fulfill({ path: file }));
  reference_ms = await lagOfFile_ms("/reference.mp4", 0);
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

const lagOfFile_ms = (source: string, from_s: number) =>
  lag_ms(async (page) => {
    await page.goto(`${server.origin}/`);
    await page.evaluate((src) => {
      const element = document.createElement("video");
      element.src = src;
      document.body.replaceChildren(element);
    }, source);
    if (from_s > 0) await seek(page, from_s);
  });

async function lagOfRung_ms(id: string, from_s: number): Promise<number> {
  const answer = await fetch(`${server.origin}/api/video/${id}/360p`);
  const { url } = (await answer.json()) as { url: string };
  return lagOfFile_ms(url, from_s);
}

async function watch(page: Page, id: string, from_s = 0): Promise<void> {
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
 * How much later than its flash a beep is heard, the median of several, as the page plays.
 * Pictures are timed by the frame callback, sound by the clock of an audio graph.
 */
async function measure_ms(page: Page): Promise<number> {
  const lags_ms = await page.evaluate(
    async ({ flashes, far_ms }) => {
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
              return Math.max(-far_ms, Math.min(far_ms, nearest));
            }),
          );
        };
        element.addEventListener("timeupdate", check);
      });
    },
    { flashes: FLASHES, far_ms: FAR_MS },
  );
  return median(lags_ms);
}

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
    const moved_ms = (await WAYS[way](id)) - reference_ms;
    console.info(
      `${JSON.stringify(shape)} ${way}: ${moved_ms.toFixed(1)} ms of ${frame_ms.toFixed(1)}`,
    );
    expect(Math.abs(moved_ms), "ms apart").toBeLessThanOrEqual(frame_ms);
  });
});
