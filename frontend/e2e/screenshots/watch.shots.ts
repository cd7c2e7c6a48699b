import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { startAssetLab, type AssetLab } from "../assetlab";
import { BUTTERFLY, makeClips, type Clips } from "../clips";
import {
  openSettings,
  play,
  untilDone,
  untilHeight,
  untilShown,
  uploadByApi,
  video,
} from "../watching";
import { LOOKS, reshape, SHAPES, silence, unplayable } from "./looks";

let server: AssetLab;
let clips: Clips;
let ids: Record<string, string>;

beforeAll(async () => {
  clips = await makeClips();
  const noise = join(clips.folder, "noise.mp4");
  await writeFile(noise, "\0Milk, eggs.\n");
  server = await startAssetLab();
  ids = { film: await uploadByApi(server, BUTTERFLY), failed: await uploadByApi(server, noise) };
  for (const shape of Object.keys(SHAPES) as (keyof typeof SHAPES)[]) {
    ids[shape] = await uploadByApi(server, await reshape(clips.folder, shape));
  }
  ids.silent = await uploadByApi(server, await silence(clips.folder));
  for (const [name, id] of Object.entries(ids)) if (name !== "failed") await untilDone(server, id);
  ids.deleted = await uploadByApi(server, noise);
  const headers = { Authorization: `Bearer ${server.token}` };
  await fetch(`${server.origin}/api/video/${ids.deleted}`, { method: "DELETE", headers });
  await server.haltWorker();
  ids.preparing = await uploadByApi(server, BUTTERFLY);
  ids.queued = await uploadByApi(server, await unplayable(clips.folder));
}, 300_000);

afterAll(async () => {
  await server?.stop();
  await clips?.remove();
});

/** Where the picture is worth looking at, with the controls over it. */
async function poseAt(page: Page, seconds: number): Promise<void> {
  await video(page).evaluate((element: HTMLVideoElement, time) => {
    element.pause();
    element.currentTime = time;
  }, seconds);
  await page.waitForFunction(() => !document.querySelector("video")!.seeking);
}

describe.each(LOOKS)("$name", ({ open }) => {
  it("shows what is ready", async () => {
    const { page, shoot, close } = await open();
    const watch = (name: string) => page.goto(`${server.origin}/watch/${ids[name]}`);
    await watch("film");
    await untilShown(page, "adaptive");
    await play(page);
    await untilHeight(page, 720);
    await poseAt(page, 5.5);
    await shoot("watch");
    await openSettings(page);
    await shoot("watch-settings");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Share" }).click();
    await shoot("watch-share");
    await page.locator("video").hover({ position: { x: 200, y: 100 } });
    await page.keyboard.press("?");
    await shoot("watch-shortcuts");
    await page.goto(`${server.origin}/embed/${ids.film}`);
    await untilShown(page, "adaptive");
    await shoot("embed");
    for (const name of [...Object.keys(SHAPES), "silent"]) {
      await watch(name);
      await untilShown(page, "adaptive");
      await play(page);
      await poseAt(page, 5.5);
      await shoot(`watch-${name}`);
    }
    await close();
  });

  it("shows what is not", async () => {
    const { page, context, shoot, close } = await open();
    const watch = (name: string) => page.goto(`${server.origin}/watch/${ids[name]}`);
    await watch("preparing");
    await untilShown(page, "original");
    await page.getByRole("progressbar").waitFor();
    await shoot("watch-preparing");
    await watch("queued");
    await page.getByRole("progressbar").waitFor();
    await shoot("watch-queued");
    await watch("failed");
    await page.getByRole("alert").waitFor();
    await shoot("watch-failed");
    await watch("deleted");
    await page.getByRole("heading", { level: 1 }).waitFor();
    await shoot("watch-deleted");
    await page.goto(`${server.origin}/watch/0193e4a0-7f3a-7abc-8def-0123456789ab`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await shoot("watch-missing");
    await watch("queued");
    await page.getByRole("progressbar").waitFor();
    await context.setOffline(true);
    await page.getByText("No connection").waitFor();
    await shoot("watch-offline");
    await close();
  });
});
