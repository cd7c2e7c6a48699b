import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { startAssetLab, type AssetLab } from "../assetlab";
import { BUTTERFLY, makeClips, type Clips } from "../clips";
import { untilDone, uploadByApi } from "../watching";
import { LOOKS, reshape, SHAPES } from "./looks";

let server: AssetLab;
let clips: Clips;

/** Done in all shapes and with odd names; failed; under way; waiting. */
beforeAll(async () => {
  clips = await makeClips();
  server = await startAssetLab();
  const named = async (file: string, name: string) => {
    const copy = join(clips.folder, name);
    await copyFile(file, copy);
    return uploadByApi(server, copy);
  };
  const ids = [
    await named(
      BUTTERFLY,
      "A butterfly that stayed for a while on a warm afternoon in late summer.mp4",
    ),
    await named(BUTTERFLY, "فراشة في الحديقة.mp4"),
  ];
  for (const shape of Object.keys(SHAPES) as (keyof typeof SHAPES)[]) {
    ids.push(await uploadByApi(server, await reshape(clips.folder, shape)));
  }
  const noise = join(clips.folder, "Notes.mp4");
  await writeFile(noise, "\0Milk, eggs.\n");
  await uploadByApi(server, noise);
  for (const id of ids) await untilDone(server, id);
  await server.haltWorker();
  await named(BUTTERFLY, "Visitor at the flower.mp4");
});

afterAll(async () => {
  await server?.stop();
  await clips?.remove();
});

describe.each(LOOKS)("$name", ({ open }) => {
  it("shows all videos", async () => {
    const { page, shoot, close } = await open();
    await page.goto(`${server.origin}/videos`);
    await page.getByLabel("Token").waitFor();
    await shoot("library-token");
    await page.goto("about:blank");
    await page.goto(`${server.origin}/videos#token=${server.token}`);
    await page.getByRole("article").first().waitFor();
    await page.waitForFunction(() =>
      [...document.images].slice(0, 4).every(({ complete }) => complete),
    );
    await shoot("library");
    await page.evaluate(() => (document.documentElement.dir = "rtl"));
    await shoot("library-right-to-left");
    await page.evaluate(() => (document.documentElement.dir = "ltr"));
    const buttons = page.getByRole("button", { name: /^Delete/ });
    await buttons.last().click();
    await page.getByRole("dialog").waitFor();
    await shoot("library-delete");
    await page.keyboard.press("Escape");
    await page.getByRole("searchbox").fill("holiday");
    await page.getByRole("button", { name: "Show all videos" }).waitFor();
    await shoot("library-nothing-found");
    await close();
  });
});
