import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { build } from "vite";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { startAssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { BUTTERFLY, makeClips, type Clips } from "./clips";
import { layLine, type Line } from "./line";
import { startSeparately } from "./separate";
import { untilDone } from "./watching";
import type * as UppyPage from "./uppy-page";

declare const uppyPage: typeof UppyPage;

const MIB = 2 ** 20;
const PART = 8 * MIB;

let script: string;
let browser: TestBrowser;
let clips: Clips;
let film: string;
let cleanUp: (() => Promise<void>)[];

beforeAll(async () => {
  const built = await build({
    configFile: false,
    logLevel: "warn",
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      write: false,
      lib: {
        entry: join(import.meta.dirname, "uppy-page.ts"),
        formats: ["iife"],
        name: "uppyPage",
      },
    },
  });
  const [output] = [built].flat();
  if (!output || !("output" in output)) throw new Error("nothing was built");
  script = `${output.output[0].code}; globalThis.uppyPage = uppyPage;`;
});

beforeEach(async () => {
  cleanUp = [];
  browser = await openBrowser();
  cleanUp.push(() => browser.close());
  // Not by a tag in the page, which its own policy would refuse.
  await browser.context.addInitScript(script);
  clips = await makeClips();
  cleanUp.push(() => clips.remove());
  film = join(clips.folder, "holiday.mp4");
  await writeFile(film, await paddedFilm());
});

afterEach(async () => {
  for (const step of cleanUp.reverse()) await step();
});

/** A film of 26 MiB, which is four parts: behind the camera's bytes comes a box that players skip. */
async function paddedFilm(): Promise<Buffer> {
  const camera = await readFile(BUTTERFLY);
  const box_bytes = 26 * MIB - camera.length;
  const head = Buffer.alloc(8);
  head.writeUInt32BE(box_bytes);
  head.write("free", 4);
  return Buffer.concat([camera, head, randomBytes(box_bytes - head.length)]);
}

const told = (page: Page) => page.evaluate(() => uppyPage.told);

async function until(page: Page, holds: (now: typeof UppyPage.told) => boolean): Promise<void> {
  const check = async () => expect(await told(page)).toSatisfy(holds);
  await vi.waitFor(check, { timeout: 60_000, interval: 50 });
}

/** Opens a page of the site and has it begin with the film, or go on with it. */
async function begin(origin: string, token: string, goOnWith?: string): Promise<void> {
  const { page } = browser;
  // For its policy, which lets a page speak to the buckets; what it shows does not matter.
  await page.goto(origin);
  await page.evaluate(() => {
    const input = document.body.appendChild(document.createElement("input"));
    Object.assign(input, { type: "file", id: "film" });
  });
  await page.setInputFiles("#film", film);
  await page.evaluate(
    ([token, goOnWith]) => {
      const file = document.querySelector<HTMLInputElement>("#film")!.files![0]!;
      return uppyPage.begin(token!, file, goOnWith);
    },
    [token, goOnWith],
  );
}

/** Begins the upload, cuts its second part in the middle and pauses it in the middle of the third. */
async function beginAndPause(origin: string, token: string, line: Line): Promise<string> {
  const { page } = browser;
  line.grant(PART + 4 * MIB);
  await begin(origin, token);
  await line.stands();
  await until(page, ({ arrived }) => arrived.includes(1));
  line.cut();
  // Of which 4 MiB are left for the third part once the second was sent again from its start.
  line.grant(PART + 4 * MIB);
  await line.stands();
  await until(page, ({ arrived }) => arrived.includes(2));
  await page.evaluate(() => uppyPage.pause());
  const { id, arrived } = await told(page);
  expect(arrived).toEqual([1, 2]);
  // What the browser had sent of the third part when it gave it up must not arrive.
  line.cut();
  line.grant(Infinity);
  return id;
}

/** That S3 has the film, byte for byte. Its link is the original's until the video is done. */
async function expectWhole(origin: string, id: string): Promise<void> {
  const link = await fetch(`${origin}/api/video/${id}`);
  const { url } = (await link.json()) as { url: string };
  expect(new URL(url).pathname).toMatch(/\.orig$/);
  const original = Buffer.from(await (await fetch(url)).arrayBuffer());
  const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  expect(sha256(original)).toBe(sha256(await readFile(film)));
}

/** Without what the cut and the pause cost. */
const otherComplaints = () =>
  browser.complaints.filter(
    (complaint) => !/ERR_(CONNECTION|EMPTY)_|Failed to load/.test(complaint),
  );

it("uploads by Uppy on the page's own origin, and goes on in another page", async () => {
  const server = await startAssetLab();
  cleanUp.push(() => server.stop());
  const line = await layLine(new URL(server.origin));
  cleanUp.push(() => line.close());
  const { page } = browser;
  // For as long as the video's link is to be the original's.
  const resumeWorker = await server.haltWorker();
  const id = await beginAndPause(line.origin, server.token, line);

  // The page is closed; another one asks what has arrived.
  await begin(line.origin, server.token, id);
  await until(page, ({ outcome }) => outcome !== "under way");
  expect(await told(page)).toMatchObject({ id, signed: [3, 4], listed: 1, outcome: "complete" });
  await expectWhole(server.origin, id);
  resumeWorker();
  await untilDone(server, id);
  expect(otherComplaints()).toEqual([]);
});

it("uploads by Uppy to an S3 of another origin, and goes on after a pause", async () => {
  const site = await startSeparately();
  cleanUp.push(() => site.stop());
  const { page } = browser;
  const id = await beginAndPause(site.origin, site.token, site.line);

  const signed = (await told(page)).signed.length;
  await page.evaluate(() => uppyPage.goOn());
  await until(page, ({ outcome }) => outcome !== "under way");
  const after = await told(page);
  expect(after).toMatchObject({ id, listed: 1, outcome: "complete" });
  expect(after.signed.slice(signed)).toEqual([3, 4]);
  await expectWhole(site.origin, id);
  await site.startWorker();
  await untilDone(site, id);
  expect(otherComplaints()).toEqual([]);
});
