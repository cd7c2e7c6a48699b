import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { BUTTERFLY, makeClips, type Clips } from "./clips";

const LIMIT_BYTES = 20_000_000;

let server: AssetLab;
let browser: TestBrowser;
let clips: Clips;

beforeAll(async () => {
  clips = await makeClips();
  server = await startAssetLab({ MAX_UPLOAD_BYTES: String(LIMIT_BYTES) });
});

afterAll(async () => {
  await server?.stop();
  await clips?.remove();
});

beforeEach(async () => {
  browser = await openBrowser();
  return () => browser.close();
});

const notes = { name: "notes.mp4", mimeType: "video/mp4", buffer: Buffer.from("Milk, eggs.\n") };
/** What the first bytes do not tell. */
const noise = { ...notes, name: "noise.mp4", buffer: Buffer.from("\0Milk, eggs.\n") };

it("shows no link for a text file that is named like a video", async () => {
  const { page } = browser;
  await page.goto(server.link);
  await page.setInputFiles("input[type=file]", notes);
  await page
    .getByText("The file is not a video that can be read: it looks like a .txt file.")
    .waitFor();
  expect(await page.getByLabel("Link to the video").count()).toBe(0);
});

it("says what is wrong with a file that turns out to be no video", async () => {
  const { page, complaints } = browser;
  await page.goto(server.link);
  await page.setInputFiles("input[type=file]", noise);
  await page.getByText("The file is not a video that can be read.").waitFor();

  await page.goto(await page.getByLabel("Link to the video").inputValue());
  const failure = page.getByRole("alert");
  await failure.waitFor();
  expect(await failure.innerText()).toContain("The file is not a video that can be read.");
  expect(complaints).toEqual([]);
});

it("shows that an unknown video is not there", async () => {
  const { page } = browser;
  await page.goto(`${server.origin}/watch/0193e4a0-7f3a-7abc-8def-0123456789ab`);
  await page.getByRole("heading", { name: "This video is not here" }).waitFor();
});

it("asks for the token, and again when it was wrong", async () => {
  const { page } = browser;
  await page.goto(server.origin);
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.setInputFiles("input[type=file]", noise);
  await page.getByRole("heading", { name: "The token was refused" }).waitFor();

  await page.getByLabel("Token").fill(server.token);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("Link to the video").waitFor();

  await page.reload();
  await page.getByRole("button", { name: "Choose files" }).waitFor();
});

it("uploads a video by a one-time link, once", async () => {
  const { page } = browser;
  const answer = await fetch(`${server.origin}/api/upload-links`, {
    method: "POST",
    headers: { Authorization: `Bearer ${server.token}` },
  });
  const { id, url } = (await answer.json()) as { id: string; url: string };
  await page.goto(url);
  await page.setInputFiles("input[type=file]", BUTTERFLY);
  const link = await page.getByLabel("Link to the video").inputValue();
  expect(link).toBe(`${server.origin}/watch/${id}`);
  await page.getByText("Thank you, the video has arrived.").waitFor();

  await page.goto("about:blank");
  await page.goto(url);
  await page.setInputFiles("input[type=file]", BUTTERFLY);
  await page.getByText("This link has been used already. Ask for a new one.").waitFor();
  // Somebody else's token is another matter.
  await page.getByLabel("Token").fill(server.token);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("Link to the video").waitFor();
  expect(await page.getByLabel("Link to the video").inputValue()).not.toBe(link);
});

it("explains a file over the limit", async () => {
  const { page } = browser;
  const large = join(clips.folder, "large.mp4");
  await writeFile(large, "");
  await truncate(large, LIMIT_BYTES + 4_000_000);
  await page.goto(server.link);
  await page.setInputFiles("input[type=file]", large);
  await page.getByText("large.mp4 has 24.0 MB. This server takes up to 20.0 MB.").waitFor();
});

it("explains a server that went away, and goes on when it is back", async () => {
  const { page, context } = browser;
  await page.goto(server.link);
  await context.setOffline(true);
  await page.setInputFiles("input[type=file]", noise);
  await page.getByText("The connection to the server was lost.").waitFor();
  await context.setOffline(false);
  // By itself.
  await page.getByLabel("Link to the video").waitFor();
});
