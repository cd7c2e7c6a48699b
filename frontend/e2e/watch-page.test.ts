import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { makeClips, type Clips } from "./clips";
import {
  openSettings,
  play,
  position_s,
  untilDone,
  untilMoves,
  untilShown,
  uploadByApi,
  video,
} from "./watching";

const DURATION_S = 60;
const SUBTITLED = join(import.meta.dirname, "../../fixtures/subtitles.mkv");

let server: AssetLab;
let browser: TestBrowser;
let clips: Clips;
let id: string;
let link: string;

beforeAll(async () => {
  clips = await makeClips();
  server = await startAssetLab({ LADDER: "180:30:200k,360:30:400k", X264_PRESET: "ultrafast" });
  id = await uploadByApi(server, await clips.clock(DURATION_S));
  await untilDone(server, id);
  link = `${server.origin}/watch/${id}`;
}, 240_000);

afterAll(async () => {
  await server?.stop();
  await clips?.remove();
});

beforeEach(async () => {
  browser = await openBrowser({ acceptDownloads: true });
  await browser.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  return () => browser.close();
});

const clipboard = () => browser.page.evaluate(() => navigator.clipboard.readText());
const state = () =>
  video(browser.page).evaluate(
    ({ paused, currentTime, volume, muted, playbackRate }: HTMLVideoElement) => ({
      paused,
      position_s: currentTime,
      volume,
      muted,
      speed: playbackRate,
    }),
  );

it("is watched by keyboard alone", async () => {
  const { page, complaints } = browser;
  await page.goto(`${link}?t=20`);
  await untilShown(page, "adaptive");
  const { keyboard } = page;
  if ((await state()).paused) await keyboard.press("k");
  await untilMoves(page);
  await keyboard.press("Space");
  await expect.poll(state).toMatchObject({ paused: true });

  await keyboard.press("5");
  await expect.poll(async () => Math.round((await state()).position_s)).toBe(30);
  await keyboard.press("ArrowRight");
  await keyboard.press("ArrowRight");
  await keyboard.press("j");
  await keyboard.press("ArrowRight");
  await expect.poll(async () => Math.round((await state()).position_s)).toBe(35);
  await keyboard.press("m");
  await expect.poll(state).toMatchObject({ muted: true });
  await keyboard.press("m");
  await keyboard.press("ArrowDown");
  await expect.poll(async () => (await state()).volume).toBeLessThan(1);
  await keyboard.press(">");
  await expect.poll(state).toMatchObject({ muted: false, speed: 1.25 });

  await keyboard.press("f");
  await page.waitForFunction(() => document.fullscreenElement?.localName === "media-player");
  await openSettings(page);
  await keyboard.press("ArrowDown");
  await keyboard.press("ArrowDown");
  await keyboard.press("Enter");
  await page.getByRole("menuitemradio", { name: "180p", checked: true }).waitFor();
  await keyboard.press("Escape");
  await page.waitForFunction(() => document.querySelector("video")!.videoHeight === 180);
  await keyboard.press("f");
  await page.waitForFunction(() => !document.fullscreenElement);

  await keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });

  // On from the player, as Tab goes, to the page around it.
  const copy = page.getByRole("button", { name: "Copy link", exact: true });
  await page.getByRole("button", { name: "Full screen" }).focus();
  await keyboard.press("Tab");
  expect(await copy.evaluate((button) => button === document.activeElement)).toBe(true);
  await keyboard.press("Enter");
  await page.getByText("Link copied").waitFor();
  expect(await clipboard()).toBe(link);
  expect(complaints).toEqual([]);
});

it("shows a pause that its controls were not asked for, on a button that keeps the focus", async () => {
  const { page } = browser;
  await page.goto(link);
  await untilShown(page, "adaptive");
  await play(page);
  // As a media key does, on the way to where nothing is loaded.
  await video(page).evaluate((element: HTMLVideoElement) => {
    element.pause();
    element.currentTime = 50;
  });
  const start = page.locator("media-controls").getByRole("button", { name: "Play" });
  await start.press("Enter");
  await untilMoves(page);
  expect(await page.evaluate(() => document.activeElement?.ariaLabel)).toBe("Pause");
  await page.keyboard.press("Enter");
  await expect.poll(state).toMatchObject({ paused: true });
});

it("promises no length that a recording does not tell", async () => {
  const { page } = browser;
  const resume = await server.haltWorker();
  onTestFinished(resume);
  const recorded = await uploadByApi(server, await clips.recorded(8));
  await page.goto(`${server.origin}/watch/${recorded}`);
  await untilShown(page, "original");
  await page.getByText(/^0:0\d/).waitFor();
  expect(await page.locator("media-controls").innerText()).not.toMatch(/Infinity|NaN/);
});

it("begins where the link says, and gives such a link", async () => {
  const { page } = browser;
  await page.goto(`${link}?t=0m31s`);
  await untilShown(page, "adaptive");
  await page.waitForFunction(() => document.querySelector("video")!.currentTime >= 31);
  await video(page).evaluate((element: HTMLVideoElement) => element.pause());
  await page
    .locator("media-controls")
    .getByText(/^0:3\d/)
    .waitFor();
  await page.getByRole("button", { name: "Share" }).click();
  const copy = page.getByRole("button", { name: "Copy: Link" });
  await copy.click();
  await expect.poll(clipboard).toBe(link);
  await page.getByLabel(/Start at 0:3\d/).check();
  expect(await copy.textContent(), "what was copied has no time").toBe("Copy");
  await copy.click();
  await expect.poll(clipboard).toBe(`${link}?t=${Math.floor(await position_s(page))}`);
});

it("remembers position, volume and speed, and begins a finished video anew", async () => {
  const { page } = browser;
  await page.goto(link);
  await untilShown(page, "adaptive");
  await play(page);
  await video(page).evaluate((element: HTMLVideoElement) => {
    element.loop = false;
    element.volume = 0.4;
    element.playbackRate = 1.5;
    element.currentTime = 40;
  });
  await page.waitForFunction(() => document.querySelector("video")!.currentTime > 42.5);
  await page.reload();
  await untilShown(page, "adaptive");
  await page.waitForFunction(() => document.querySelector("video")!.currentTime >= 42);
  expect(await state()).toMatchObject({ volume: 0.4, muted: true, speed: 1.5 });

  await video(page).evaluate((element: HTMLVideoElement) => {
    element.currentTime = element.duration - 2;
    return element.play();
  });
  await page.waitForFunction(() => document.querySelector("video")!.ended);
  await page.reload();
  await untilShown(page, "adaptive");
  expect(await position_s(page)).toBeLessThan(10);
});

it("plays, lists and takes uploads where nothing may be stored", async () => {
  const { page, complaints } = browser;
  await page.addInitScript(() => {
    for (const store of ["localStorage", "sessionStorage", "indexedDB"]) {
      Object.defineProperty(window, store, {
        get: () => {
          throw new DOMException("Denied", "SecurityError");
        },
      });
    }
  });
  await page.goto(link);
  await untilShown(page, "adaptive");
  await play(page);
  await page.goto(`${server.origin}/videos#token=${server.token}`);
  await page.getByRole("link", { name: `clock-${DURATION_S}s` }).waitFor();
  await page.goto(server.link);
  await page.setInputFiles("input[type=file]", SUBTITLED);
  await page.locator("article[data-stage=sent]").waitFor();
  await page.getByText("The token is forgotten when this tab is closed.").waitFor();
  expect(complaints).toEqual([]);
});

it("shows captions, and remembers that they are wanted", async () => {
  const { page, complaints } = browser;
  const captioned = await uploadByApi(server, SUBTITLED);
  await untilDone(server, captioned);
  const vtt = await (await fetch(`${server.origin}/api/video/${captioned}/subtitles/0.vtt`)).text();
  const [, from, text] = /(\d\d:\d\d\.\d+) --> .*\n(.+)/.exec(vtt)!;
  const [minutes, seconds] = from!.split(":").map(Number) as [number, number];
  const showCue = async () => {
    await untilShown(page, "adaptive");
    await video(page).evaluate(
      (element: HTMLVideoElement, at_s) => {
        element.pause();
        element.currentTime = at_s;
      },
      minutes * 60 + seconds + 0.1,
    );
  };
  const cue = page
    .locator("media-captions")
    .getByText(text!.replaceAll(/<[^>]+>/g, "").replaceAll("&amp;", "&"));

  await page.goto(`${server.origin}/watch/${captioned}`);
  await showCue();
  await page.getByRole("button", { name: "Captions" }).press("Enter");
  await page.waitForFunction(() => document.activeElement?.role === "menuitemradio");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await cue.waitFor();
  await page.keyboard.press("c");
  await cue.waitFor({ state: "hidden" });
  await page.keyboard.press("c");
  await cue.waitFor();

  await page.reload();
  await showCue();
  await cue.waitFor();
  expect(complaints).toEqual([]);
});

it("saves the top quality under the name of the upload", async () => {
  const { page } = browser;
  await page.goto(link);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  expect((await download).suggestedFilename()).toBe(`clock-${DURATION_S}s.mp4`);
  await untilShown(page, "adaptive");
});

it("says when there is no connection, and goes on by itself", async () => {
  const { page, context } = browser;
  await page.goto(link);
  await untilShown(page, "adaptive");
  await play(page);
  await context.setOffline(true);
  await video(page).evaluate((element: HTMLVideoElement) => (element.currentTime = 50));
  await page.getByText("No connection to the server.").waitFor();
  await context.setOffline(false);
  await page.waitForFunction(() => document.querySelector("video")!.currentTime > 50.5);
  await page.getByText("No connection to the server.").waitFor({ state: "detached" });
});

it("shows that a video was deleted while it was watched, and that another has no sound", async () => {
  const { page } = browser;
  const file = await clips.silent(5);
  const resume = await server.haltWorker();
  const [doomed, silent] = [await uploadByApi(server, file), await uploadByApi(server, file)];
  await page.goto(`${server.origin}/watch/${doomed}`);
  await untilShown(page, "original");
  const answer = await fetch(`${server.origin}/api/video/${doomed}`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${server.token}` },
  });
  expect(answer.status).toBe(204);
  await page.getByRole("heading", { name: "This video was deleted" }).waitFor();

  await page.goto(`${server.origin}/watch/${silent}`);
  await untilShown(page, "original");
  resume();
  await untilShown(page, "adaptive");
  await page.getByText("No sound").waitFor();
  expect(await page.getByRole("button", { name: "Mute" }).count()).toBe(0);
});
