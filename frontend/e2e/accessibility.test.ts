import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { expectAccessible } from "./axe";
import { openBrowser } from "./browser";
import { BUTTERFLY, makeClips, type Clips } from "./clips";
import { openSettings, untilDone, untilShown, uploadByApi } from "./watching";

let server: AssetLab;
let clips: Clips;
let done: string;
let failed: string;
let waiting: string;

beforeAll(async () => {
  clips = await makeClips();
  const noise = join(clips.folder, "noise.mp4");
  await writeFile(noise, "\0Milk, eggs.\n");
  server = await startAssetLab();
  done = await uploadByApi(server, BUTTERFLY);
  failed = await uploadByApi(server, noise);
  await untilDone(server, done);
  await server.haltWorker();
  waiting = await uploadByApi(server, BUTTERFLY);
});

afterAll(async () => {
  await server?.stop();
  await clips?.remove();
});

const LOOKS = [
  { name: "desktop, light", colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { name: "phone, dark", colorScheme: "dark", viewport: { width: 390, height: 844 } },
] as const;

describe.each(LOOKS)("$name", ({ colorScheme, viewport }) => {
  it("upload", async () => {
    const { page, close } = await openBrowser({ viewport, colorScheme });
    await page.goto(server.origin);
    await page.getByLabel("Token").waitFor();
    await expectAccessible(page);
    await page.goto("about:blank");
    await page.goto(server.link);
    await page.getByRole("button", { name: "Choose files" }).waitFor();
    await expectAccessible(page);
    await page.setInputFiles("input[type=file]", BUTTERFLY);
    await page.getByLabel("Link to the video").waitFor();
    await expectAccessible(page);
    await close();
  });

  it("watch", async () => {
    const { page, close } = await openBrowser({ viewport, colorScheme });
    await page.goto(`${server.origin}/watch/${done}`);
    await untilShown(page, "adaptive");
    await expectAccessible(page);
    await openSettings(page);
    await expectAccessible(page);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Share" }).click();
    await expectAccessible(page);
    await page.locator("video").focus();
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await expectAccessible(page);
    await page.goto(`${server.origin}/watch/${waiting}`);
    await untilShown(page, "original");
    await expectAccessible(page);
    await page.goto(`${server.origin}/watch/${failed}`);
    await page.getByRole("alert").waitFor();
    await expectAccessible(page);
    await page.goto(`${server.origin}/watch/0193e4a0-7f3a-7abc-8def-0123456789ab`);
    await page.getByRole("heading", { name: "This video is not here" }).waitFor();
    await expectAccessible(page);
    await close();
  });

  it("embed", async () => {
    const { page, close } = await openBrowser({ viewport, colorScheme });
    await page.goto(`${server.origin}/embed/${done}`);
    await untilShown(page, "adaptive");
    await expectAccessible(page);
    await page.goto(`${server.origin}/embed/${failed}`);
    await page.getByRole("alert").waitFor();
    await expectAccessible(page);
    await close();
  });
});
