import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { startAssetLab, type AssetLab } from "../assetlab";
import { BUTTERFLY, makeClips, type Clips } from "../clips";
import { layLine, type Line } from "../line";
import { LOOKS } from "./looks";

let server: AssetLab;
let clips: Clips;
let line: Line;
let film: string;
let short: string;
let long: string;

beforeAll(async () => {
  clips = await makeClips();
  film = join(clips.folder, "Butterfly in the garden.mp4");
  short = join(clips.folder, "Visitor at the flower.mp4");
  await copyFile(BUTTERFLY, film);
  await copyFile(BUTTERFLY, short);
  long = await clips.pattern1080p(8);
  server = await startAssetLab();
  line = await layLine(new URL(server.origin));
});

afterAll(async () => {
  await line?.close();
  await server?.stop();
  await clips?.remove();
});

/** A transcode beside browsers. */
const LONG = { timeout: 120_000 };

const choose = (page: Page, files: Parameters<Page["setInputFiles"]>[1]) =>
  page.locator("input[type=file]").first().setInputFiles(files);

describe.each(LOOKS)("$name", ({ open }) => {
  it("shows how to begin", async () => {
    const { page, shoot, close } = await open();
    await page.goto(server.origin);
    await page.getByLabel("Token").waitFor();
    await shoot("upload-token");
    await page.goto("about:blank");
    await page.goto(server.link);
    await page.getByRole("button", { name: "Choose files" }).waitFor();
    await shoot("upload");
    const phone = page.getByRole("button", { name: "Open on your phone" });
    // Not on a phone itself.
    if (await phone.isVisible()) {
      await phone.click();
      await shoot("upload-phone-code");
      await page.keyboard.press("Escape");
    }
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["x"], "a.mp4", { type: "video/mp4" }));
      window.dispatchEvent(new DragEvent("dragenter", { dataTransfer }));
    });
    await shoot("upload-drag");
    await close();
  });

  it("shows an upload and its link", async () => {
    const { page, shoot, close } = await open();
    await page.goto(server.link);
    await choose(page, film);
    await page.getByText("Ready in every quality").waitFor(LONG);
    await shoot("uploaded");
    await close();
  });

  it("shows a queue", async () => {
    const { page, context, shoot, close } = await open();
    line.grant(Infinity);
    await page.goto(`${line.origin}/#token=${server.token}`);
    await page.getByRole("button", { name: "Choose files" }).waitFor();
    const text = { mimeType: "video/mp4", buffer: Buffer.from("Milk, eggs.\n") };
    await choose(page, { name: "notes.mp4", ...text });
    await page.getByText("looks like a .txt file").waitFor();
    await choose(page, short);
    await page.getByText("Ready in every quality").waitFor(LONG);
    line.grant(1_500_000);
    await choose(page, [long, film, short]);
    await line.stands();
    await page.getByText("Waiting for its turn").first().waitFor();
    await choose(page, { name: "photo.jpg", mimeType: "image/jpeg", buffer: Buffer.from("x") });
    await shoot("upload-queue");
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await shoot("upload-queue-end");
    await context.setOffline(true);
    await page.getByText("Trying again").first().waitFor();
    await shoot("upload-retry");
    await close();
  });

  it("shows what a link invites to", async () => {
    const { page, shoot, close } = await open();
    const answer = await fetch(`${server.origin}/api/upload-links`, {
      method: "POST",
      headers: { Authorization: `Bearer ${server.token}`, "Content-Type": "application/json" },
      body: "{}",
    });
    const { url } = (await answer.json()) as { url: string };
    await page.goto(url);
    await page.getByRole("button", { name: "Choose a file" }).waitFor();
    await shoot("upload-invited");
    await choose(page, film);
    await page.getByText("Thank you").waitFor();
    await shoot("upload-invited-done");
    await close();
  });
});
