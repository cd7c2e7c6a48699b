import { createHash } from "node:crypto";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { makeClips, type Clips } from "./clips";
import { layLine, type Line } from "./line";
import { paddedHead, writePaddedFilm } from "./padded-film";

const MB = 1_000_000;
const INPUT = "input[type=file]";

let server: AssetLab;
let clips: Clips;
let browser: TestBrowser;
let line: Line;

beforeAll(async () => {
  clips = await makeClips();
  server = await startAssetLab();
  // A video's plain URL is the original's for as long as nobody works on it.
  await server.haltWorker();
});

afterAll(async () => {
  await server?.stop();
  await clips?.remove();
});

beforeEach(async () => {
  browser = await openBrowser();
  line = await layLine(new URL(server.origin));
  line.grant(Infinity);
});

afterEach(async () => {
  await browser.close();
  await line.close();
});

async function film(name: string, size_bytes: number): Promise<string> {
  const path = join(clips.folder, name);
  await writePaddedFilm(path, size_bytes);
  return path;
}

const open = () => browser.page.goto(`${line.origin}/#token=${server.token}`);
const link = () => browser.page.getByLabel("Link to the video");

/** Waits until all has arrived, and answers with what the server has. */
async function arrived(): Promise<Buffer> {
  await browser.page.getByRole("link", { name: "Open" }).waitFor();
  const id = (await link().inputValue()).split("/").at(-1);
  const answer = await fetch(`${server.origin}/api/video/${id}`);
  const { url } = (await answer.json()) as { url: string };
  return Buffer.from(await (await fetch(url)).arrayBuffer());
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

it("goes on in the middle of 200 MB after a reload, once the same file is chosen", async () => {
  const path = await film("holiday.mp4", 200 * MB);
  const { page } = browser;
  await open();
  const before_bytes = line.carried_bytes();
  line.grant(80 * MB);
  await page.setInputFiles(INPUT, path);
  await line.stands();
  await link().waitFor();
  line.grant(Infinity);
  await page.reload();

  await page.getByText(/^Not finished: .* of 200 MB are uploaded/).waitFor();
  const again = page.getByRole("listitem").locator(INPUT);
  const other = join(clips.folder, "holiday 2.mp4");
  await writePaddedFilm(other, 200 * MB);
  await again.setInputFiles(other);
  await page.getByText("That is another file. This upload needs holiday.mp4 as it was.").waitFor();

  await again.setInputFiles(path);
  expect(sha256(await arrived())).toBe(sha256(await readFile(path)));
  const sent_bytes = line.carried_bytes() - before_bytes;
  console.log(`sent ${(sent_bytes / MB).toFixed(1)} MB of 200 MB`);
  expect(sent_bytes).toBeLessThanOrEqual(1.1 * 200 * MB);

  await page.reload();
  await page.getByRole("button", { name: "Choose files" }).waitFor();
  expect(await page.getByText("Not finished").count()).toBe(0);
});

/**
 * Chooses a film by the picker that gives handles, and waits until half of it was sent. The dialog cannot
 * be driven; the handles, and that they outlive the browser, are Chromium's own.
 */
async function sendHalfOfPicked(size_bytes: number): Promise<void> {
  const { page, context } = browser;
  await context.addInitScript(() => {
    const pick = async () => {
      const folder = await navigator.storage.getDirectory();
      return [await folder.getFileHandle("film.mp4")];
    };
    Object.assign(window, { showOpenFilePicker: pick });
  });
  await open();
  const head = (await paddedHead(size_bytes)).toString("base64");
  await page.evaluate(
    async ([head, size_bytes]) => {
      const folder = await navigator.storage.getDirectory();
      const file = await folder.getFileHandle("film.mp4", { create: true });
      const writable = await file.createWritable();
      await writable.write(Uint8Array.from(atob(head), (character) => character.charCodeAt(0)));
      await writable.truncate(size_bytes);
      await writable.close();
    },
    [head, size_bytes] as const,
  );
  line.grant(size_bytes / 2);
  await page.getByRole("button", { name: "Choose files" }).click();
  await line.stands();
  await link().waitFor();
}

it("goes on by itself after the browser was killed, where it may read the file again", async () => {
  const before_bytes = line.carried_bytes();
  await sendHalfOfPicked(100 * MB);
  browser = await browser.killAndReopen();
  line.grant(Infinity);

  await open();
  const whole = await arrived();
  expect(whole.length).toBe(100 * MB);
  expect(whole.subarray(0, 4096)).toEqual((await paddedHead(100 * MB)).subarray(0, 4096));
  // It asks so soon that the server may not have stored the last part (8 MiB) yet.
  expect(line.carried_bytes() - before_bytes).toBeLessThanOrEqual(1.1 * 100 * MB);
});

it("asks for a file that is no longer where it was, and goes on with it", async () => {
  const { page } = browser;
  await sendHalfOfPicked(20 * MB);
  await page.evaluate(async () => (await navigator.storage.getDirectory()).removeEntry("film.mp4"));
  line.cut();
  line.grant(Infinity);
  await page.reload();
  await page.getByRole("button", { name: "Resume film.mp4" }).click();
  await page.getByText("Choose the same file again to go on from there.").waitFor();
  const path = join(clips.folder, "film.mp4");
  await writeFile(path, await paddedHead(20 * MB));
  await truncate(path, 20 * MB);
  await page.getByRole("listitem").locator(INPUT).setInputFiles(path);
  expect(sha256(await arrived())).toBe(sha256(await readFile(path)));
});

it("goes on where it was when the line was cut", async () => {
  const path = await film("cut.mp4", 40 * MB);
  await open();
  line.grant(20 * MB);
  await browser.page.setInputFiles(INPUT, path);
  await line.stands();
  line.cut();
  line.grant(Infinity);
  expect(sha256(await arrived())).toBe(sha256(await readFile(path)));
});

it("waits for a server that was killed, and goes on when it is back", async () => {
  const path = await film("killed.mp4", 40 * MB);
  const { page } = browser;
  await open();
  line.grant(20 * MB);
  await page.setInputFiles(INPUT, path);
  await line.stands();
  await server.kill();
  line.cut();
  await page.getByText("The connection to the server was lost. Trying again in").waitFor();
  await server.startAgain();
  await server.haltWorker();
  line.grant(Infinity);
  expect(sha256(await arrived())).toBe(sha256(await readFile(path)));
});

it("says so when the upload is no longer on the server, and starts again", async () => {
  const path = await film("gone.mp4", 10 * MB);
  const { page } = browser;
  await open();
  line.grant(5 * MB);
  await page.setInputFiles(INPUT, path);
  await line.stands();
  const id = (await link().inputValue()).split("/").at(-1);
  const headers = { Authorization: `Bearer ${server.token}`, "Tus-Resumable": "1.0.0" };
  await fetch(`${server.origin}/api/tus/${id}`, { method: "DELETE", headers });
  line.cut();
  line.grant(Infinity);
  await page.getByText("The server no longer has this upload").waitFor();
  expect(await link().count(), "a link that leads nowhere").toBe(0);
  await page.getByRole("button", { name: "Start again" }).click();
  expect(sha256(await arrived())).toBe(sha256(await readFile(path)));
});
