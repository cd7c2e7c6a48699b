import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { expectAccessible } from "./axe";
import { openBrowser, type TestBrowser } from "./browser";
import { BUTTERFLY, makeClips, type Clips } from "./clips";
import { untilDone, uploadByApi } from "./watching";

let server: AssetLab;
let browser: TestBrowser;
let clips: Clips;
let butterfly: string;
let noise: string;

beforeAll(async () => {
  clips = await makeClips();
  noise = join(clips.folder, "noise.mp4");
  await writeFile(noise, "\0Milk, eggs.\n");
  server = await startAssetLab();
  butterfly = await uploadByApi(server, BUTTERFLY);
  await untilDone(server, butterfly);
});

afterAll(async () => {
  await server?.stop();
  await clips?.remove();
});

beforeEach(async () => {
  browser = await openBrowser();
  return () => browser.close();
});

const card = (page: Page, name: string) => page.getByRole("article").filter({ hasText: name });
const library = () => `${server.origin}/videos#token=${server.token}`;

it("shows videos of each state, and how one gets on", async () => {
  const { page, complaints } = browser;
  await uploadByApi(server, noise);
  const resume = await server.haltWorker();
  const id = await uploadByApi(server, await clips.pattern1080p(20));
  await page.goto(library());
  await card(page, "butterfly")
    .getByText(/^\d.* [kM]B$/)
    .waitFor();
  await card(page, "butterfly").getByText("0:08").waitFor();
  expect(page.url(), "nobody copies the token by accident").toBe(`${server.origin}/videos`);
  const pattern = card(page, "pattern");
  await pattern.getByText("Waiting").waitFor();
  await expectAccessible(page);
  resume();
  const begun = async () => {
    const answer = await fetch(`${server.origin}/api/video/${id}/status`);
    expect(((await answer.json()) as { progress: number }).progress).toBeGreaterThan(0.02);
  };
  await vi.waitFor(begun, { timeout: 60_000, interval: 50 });
  // However fast it is, the page looks in the middle of it.
  const goOn = await server.haltWorker();
  await pattern.getByText(/Preparing, [1-9]\d? %/).waitFor();
  await expectAccessible(page);
  goOn();
  await pattern.getByText("0:20").waitFor({ timeout: 120_000 });
  await card(page, "noise").getByText("The file is not a video that can be read.").waitFor();
  await card(page, "butterfly")
    .getByRole("link", { name: /butterfly/ })
    .click();
  await page.waitForURL(`${server.origin}/watch/${butterfly}`);
  expect(complaints).toEqual([]);
});

it("finds videos by their names, and the address leads back to what was found", async () => {
  const { page } = browser;
  await page.goto(library());
  await page.getByRole("searchbox", { name: "Search by file name" }).fill("BUTTER");
  await page.waitForFunction(() => document.querySelectorAll("article").length === 1);
  await page.reload();
  await card(page, "butterfly").waitFor();
  expect(await page.getByRole("article").count()).toBe(1);
  await page.getByRole("searchbox").fill("no such name");
  await page.getByRole("heading", { name: "Nothing is called “no such name”" }).waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Show all videos" }).click();
  await card(page, "noise").waitFor();
  expect(page.url()).toBe(`${server.origin}/videos`);
});

it("copies a link", async () => {
  const { page, context } = browser;
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto(library());
  const button = card(page, "butterfly").getByRole("button", { name: /^Copy link/ });
  await button.press("Enter");
  await card(page, "butterfly")
    .getByRole("button", { name: /^Copied/ })
    .waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(`${server.origin}/watch/${butterfly}`);
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain("Copied");
});

it("deletes a video by the keyboard alone, once that is confirmed", async () => {
  const { page } = browser;
  const doomed = await uploadByApi(server, BUTTERFLY);
  const below = await page.goto(library()).then(() => card(page, "noise"));
  const button = page
    .getByRole("listitem")
    .filter({ has: page.locator(`#video-${doomed}`) })
    .getByRole("button", { name: /^Delete/ });
  await button.press("Enter");
  await page.getByRole("dialog", { name: "Delete this video?" }).waitFor();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);

  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Keep it" }).press("Tab");
  await page.keyboard.press("Enter");
  await page.locator(`#video-${doomed}`).waitFor({ state: "detached" });
  await page.getByText("butterfly_720p2997_7s was deleted.").waitFor();
  await below.first().waitFor();
  expect(await page.evaluate(() => document.activeElement?.id)).toMatch(/^video-/);
  const status = await fetch(`${server.origin}/api/video/${doomed}/status`);
  expect(status.status).toBe(404);
  const answer = await fetch(`${server.origin}/api/videos`, {
    headers: { Authorization: `Bearer ${server.token}` },
  });
  expect(await answer.text()).not.toContain(doomed);
});

it("goes on to the next page, with each video once while new ones arrive", async () => {
  const { page } = browser;
  for (let count = 0; count < 27; count += 1) await uploadByApi(server, noise);
  await page.setViewportSize({ width: 1280, height: 420 });
  await page.goto(library());
  const more = page.getByRole("button", { name: "Show more" });
  await more.waitFor();
  expect(await page.getByRole("article").count()).toBe(24);
  const latest = await uploadByApi(server, BUTTERFLY);
  await page.locator(`#video-${latest}`).waitFor();
  await more.press("Enter");
  await page.locator(`#video-${butterfly}`).waitFor();
  const answer = await fetch(`${server.origin}/api/videos?limit=100`, {
    headers: { Authorization: `Bearer ${server.token}` },
  });
  const { videos } = (await answer.json()) as { videos: { id: string }[] };
  const shown = await page.locator("h2 a").evaluateAll((links) => links.map(({ id }) => id));
  expect(shown).toEqual(videos.map(({ id }) => `video-${id}`));
});

it("asks for the token, again when it was wrong, and remembers it", async () => {
  const { page } = browser;
  await page.goto(`${server.origin}/videos`);
  await page.getByRole("heading", { name: "The list of videos needs the token" }).waitFor();
  await expectAccessible(page);
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: "The token was refused" }).waitFor();
  await expectAccessible(page);
  await page.getByLabel("Token").fill(server.token);
  await page.getByRole("button", { name: "Continue" }).click();
  await card(page, "butterfly").first().waitFor();
  await page.goto(`${server.origin}/watch/${butterfly}`);
  await page.getByRole("link", { name: "Videos" }).click();
  await card(page, "butterfly").first().waitFor();
});

it("says that the server cannot be reached, and goes on when it can", async () => {
  const { page, context } = browser;
  await page.goto(library());
  await card(page, "noise").first().waitFor();
  await context.setOffline(true);
  await page.getByRole("searchbox").fill("butter");
  const offline = page.getByText("No connection to the server. Trying again…");
  await offline.waitFor();
  expect(await card(page, "noise").count(), "what is known stays").toBeGreaterThan(0);
  await context.setOffline(false);
  await offline.waitFor({ state: "detached" });
  await card(page, "noise").first().waitFor({ state: "detached" });
});

it("invites to upload where there is nothing yet", async () => {
  const empty = await startAssetLab();
  const { page } = browser;
  await page.goto(`${empty.origin}/videos#token=${empty.token}`);
  await page.getByRole("heading", { name: "No videos yet" }).waitFor();
  await expectAccessible(page);
  await empty.stop();
});
