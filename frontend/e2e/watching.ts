import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Page } from "playwright-core";
import { expect, vi } from "vitest";
import type { AssetLab } from "./assetlab";

/** Uploads by the API, as a script would, and answers with the id. */
export async function uploadByApi(server: AssetLab, file: string): Promise<string> {
  const form = new FormData();
  form.append("file", new Blob([await readFile(file)]), basename(file));
  const response = await fetch(`${server.origin}/api/upload`, {
    method: "POST",
    headers: { Authorization: `Bearer ${server.token}` },
    body: form,
  });
  expect(response.status).toBe(201);
  return ((await response.json()) as { id: string }).id;
}

export async function untilDone(
  server: Pick<AssetLab, "origin">,
  id: string,
  within_s = 120,
): Promise<void> {
  const done = async () => {
    const response = await fetch(`${server.origin}/api/video/${id}/status`);
    expect(((await response.json()) as { status: string }).status).toBe("done");
  };
  await vi.waitFor(done, { timeout: within_s * 1000, interval: 500 });
}

export const video = (page: Page) => page.locator("video");

/** Waits for the adaptive stream, or the original, to have a picture. */
export async function untilShown(page: Page, source: "original" | "adaptive"): Promise<void> {
  await page.waitForSelector(`figure[data-source=${source}]`, { timeout: 120_000 });
  await page.waitForFunction(() => (document.querySelector("video")?.readyState ?? 0) >= 2);
}

/** Plays, round and round, and waits until time passes. */
export async function play(page: Page): Promise<void> {
  await video(page).evaluate(async (element: HTMLVideoElement) => {
    element.loop = true;
    element.muted = true;
    await element.play();
  });
  await untilMoves(page);
}

export async function untilMoves(page: Page): Promise<void> {
  const before_s = await position_s(page);
  await page.waitForFunction((before) => {
    const element = document.querySelector("video");
    return element && !element.paused && Math.abs(element.currentTime - before) > 0.5;
  }, before_s);
}

export const position_s = (page: Page) =>
  video(page).evaluate((element: HTMLVideoElement) => element.currentTime);

/** Chooses a quality as a keyboard does. */
export async function choose(page: Page, name: string | RegExp): Promise<void> {
  await openSettings(page);
  await page.getByRole("menuitemradio", { name, exact: true }).press("Enter");
  await page.keyboard.press("Escape");
}

/** Opens the menu of qualities and speeds as a keyboard does. */
export async function openSettings(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Settings" }).press("Enter");
  await page.waitForFunction(() => document.activeElement?.role === "menuitemradio");
}

export async function untilHeight(page: Page, height: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => document.querySelector("video")?.videoHeight === wanted,
    height,
  );
}
