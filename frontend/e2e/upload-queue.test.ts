import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { expectAccessible } from "./axe";
import { openBrowser, type TestBrowser } from "./browser";
import { BUTTERFLY, makeClips, type Clips } from "./clips";
import { layLine, type Line } from "./line";
import { writePaddedFilm } from "./padded-film";

const MB = 1_000_000;
const INPUT = "input[type=file]";
/** However busy the machine is. */
const SOON = { timeout: 60_000 };

let server: AssetLab;
let clips: Clips;
let browser: TestBrowser;
let line: Line;
/** Of 30 MB each. */
let films: string[];

beforeAll(async () => {
  clips = await makeClips();
  films = ["a", "b", "c", "d", "e"].map((name) => join(clips.folder, `${name}.mp4`));
  await Promise.all(films.map((path) => writePaddedFilm(path, 30 * MB)));
  server = await startAssetLab();
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

const open = (token = server.token) => browser.page.goto(`${line.origin}/#token=${token}`);
const button = (name: string) => browser.page.getByRole("button", { name, exact: true });
const rows = (stage: string) => browser.page.locator(`article[data-stage=${stage}]`);

it("is done by keyboard alone: choose, pause, resume, copy, cancel", async () => {
  const { page, context } = browser;
  // The picker that gives handles is the system's own, which no test can drive.
  await context.addInitScript(() => void Object.assign(window, { showOpenFilePicker: undefined }));
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open();
  await button("Choose files").waitFor();
  const tabTo = async (name: string) => {
    for (let presses = 0; presses < 40; presses += 1) {
      if (await button(name).evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`Tab does not lead to ${name}`);
  };
  line.grant(10 * MB);
  const chooser = page.waitForEvent("filechooser");
  await tabTo("Choose files");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(films[0]!);
  await line.stands();
  await page.getByLabel("Link to the video").waitFor();
  expect(await page.title()).toMatch(/^\d+ % · a\.mp4$/);
  await expectAccessible(page);

  await tabTo("Pause a.mp4");
  await page.keyboard.press("Enter");
  await page.getByText(/^Paused at .* of 30.0 MB$/).waitFor();
  expect(await page.title()).toBe("Share a video · AssetLab");
  await tabTo("Copy link a.mp4");
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("Copied").waitFor({ state: "attached" });
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(await page.getByLabel("Link to the video").inputValue());
  await expectAccessible(page);

  await tabTo("Resume a.mp4");
  await page.keyboard.press("Enter");
  // The keyboard is still where it was.
  await button("Pause a.mp4").waitFor();
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain("Pause");
  await tabTo("Cancel a.mp4");
  const ended = page.waitForResponse((answer) => answer.request().method() === "DELETE");
  await page.keyboard.press("Enter");
  line.grant(Infinity);
  expect((await ended).status()).toBe(204);
  expect(await page.getByRole("listitem").count()).toBe(0);
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain("Choose files");
  await page.reload();
  await button("Choose files").waitFor();
  expect(await rows("unfinished").count(), "what was cancelled").toBe(0);
});

it("sends two of five at a time, and warns who leaves meanwhile", async () => {
  const { page } = browser;
  await open();
  line.grant(2 * MB);
  await page.setInputFiles(INPUT, films);
  await line.stands();
  await expect.poll(() => rows("sending").count(), SOON).toBe(2);
  expect(await rows("waiting").count()).toBe(3);
  expect(await page.title()).toMatch(/^\d+ % · 2 videos$/);
  await button("Pause a.mp4").click();
  await page.locator("article[data-stage=sending]", { hasText: "c.mp4" }).waitFor();
  expect(await rows("waiting").count()).toBe(2);
  await expectAccessible(page);

  const asked = page.waitForEvent("dialog");
  const leaving = page.goto("about:blank").catch(() => undefined);
  const dialog = await asked;
  expect(dialog.type()).toBe("beforeunload");
  await dialog.dismiss();
  await leaving;

  line.grant(Infinity);
  await expect.poll(() => rows("sent").count(), SOON).toBe(4);
  await button("Resume a.mp4").click();
  await expect.poll(() => rows("sent").count(), SOON).toBe(5);
  await page.goto("about:blank");
  expect(page.url(), "nobody is asked once all has arrived").toBe("about:blank");
});

it("says what is left out before a byte of it is sent", async () => {
  const { page, context, complaints } = browser;
  const folder = join(clips.folder, "Summer");
  await mkdir(folder);
  const [empty, photo] = [join(clips.folder, "empty.mp4"), join(clips.folder, "photo.jpg")];
  await writeFile(empty, "");
  await writeFile(photo, "cheese");
  await open();
  await button("Choose files").waitFor();
  // As the system drops them.
  const devtools = await context.newCDPSession(page);
  const drag = async (type: "dragEnter" | "dragOver" | "drop", files: string[]) => {
    const data = { items: [], files, dragOperationsMask: 1 };
    await devtools.send("Input.dispatchDragEvent", { type, x: 20, y: 500, data });
  };
  const dropped = [folder, empty, photo, BUTTERFLY];
  await drag("dragEnter", dropped);
  await page.getByText("Let go to upload").waitFor();
  await drag("dragOver", dropped);
  await drag("drop", dropped);
  await page.getByText("3 files were left out").waitFor();
  const left = await page.getByRole("alert").getByRole("listitem").allInnerTexts();
  expect(left).toEqual([
    "Summer is a folder. Open it, and choose the videos in it.",
    "empty.mp4 is empty.",
    "photo.jpg is not a video.",
  ]);
  await expect.poll(() => rows("sent").count(), SOON).toBe(1);
  await expectAccessible(page);
  expect(complaints).toEqual([]);
});

it("takes what is pasted", async () => {
  const { page } = browser;
  await open();
  await button("Choose files").waitFor();
  await page.evaluate(() => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([new Uint8Array(5000)], "pasted.mp4"));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
  });
  await page.getByRole("heading", { name: "pasted.mp4" }).waitFor();
  await expect.poll(() => rows("sent").count(), SOON).toBe(1);
});

it("comes again when the server says, where it had too many uploads", async () => {
  const slow = await startAssetLab({ UPLOAD_RATE: "1/3s" });
  onTestFinished(() => slow.stop());
  const { page, complaints } = browser;
  await page.goto(slow.link);
  await page.setInputFiles(INPUT, films.slice(0, 2));
  await page.getByText("The server asks to wait").waitFor();
  await expect.poll(() => rows("sent").count(), SOON).toBe(2);
  const refused = complaints.filter((complaint) => complaint.startsWith("429 "));
  expect(refused, "nobody came too early").toHaveLength(1);
});

it("waits longer each time where the server says how much it has and takes no more", async () => {
  const { page } = browser;
  await open();
  await page.route("**/api/tus/*", (route) =>
    route.request().method() === "PATCH" ? route.fulfill({ status: 423 }) : route.fallback(),
  );
  await page.setInputFiles(INPUT, films.slice(0, 1));
  await page.getByText(/^The server is busy\. Trying again in [2-9] s\.$/).waitFor();
  await page.unroute("**/api/tus/*");
  await expect.poll(() => rows("sent").count(), SOON).toBe(1);
});

it("keeps the queue while the token is wrong, and forgets it when told to", async () => {
  const { page } = browser;
  await open("wrong");
  await page.setInputFiles(INPUT, films.slice(0, 2));
  await page.getByRole("heading", { name: "The token was refused" }).waitFor();
  await expectAccessible(page);
  await page.getByLabel("Token").fill(server.token);
  await page.getByLabel("Remember on this device").uncheck();
  await button("Continue").click();
  await expect.poll(() => rows("sent").count(), SOON).toBe(2);

  await page.getByText("The token is forgotten when this tab is closed.").waitFor();
  await button("Forget the token on this device").click();
  await page.getByText("Uploading needs the token").waitFor();
  await page.reload();
  await page.getByText("Uploading needs the token").waitFor();
});
