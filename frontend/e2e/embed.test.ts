import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { BUTTERFLY } from "./clips";
import { untilDone, uploadByApi } from "./watching";

/** A site of somebody else's, which shows our player. */
let other: Server;
let server: AssetLab;
let browser: TestBrowser;
let frameHtml = "";
let otherOrigin: string;

beforeAll(async () => {
  other = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><link rel="icon" href="data:,">${frameHtml}`);
  });
  other.listen(0, "127.0.0.3");
  await once(other, "listening");
  otherOrigin = `http://127.0.0.3:${(other.address() as AddressInfo).port}`;
  server = await startAssetLab({
    FRAME_ANCESTORS: otherOrigin,
    LADDER: "360:30:400k",
    X264_PRESET: "ultrafast",
  });
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  other?.close();
});

it("plays in a sandboxed frame of another origin, from the snippet that the watch page gives", async () => {
  const { page, complaints } = browser;
  const id = await uploadByApi(server, BUTTERFLY);
  await untilDone(server, id);
  await page.goto(`${server.origin}/watch/${id}`);
  await page.getByRole("button", { name: "Share" }).click();
  const snippet = await page.getByLabel("To show it on another page", { exact: true }).inputValue();
  frameHtml = snippet.replace(
    "<iframe",
    '<iframe sandbox="allow-scripts allow-same-origin allow-popups"',
  );

  await page.goto(otherOrigin);
  const frame = page.frameLocator("iframe");
  await frame.locator("figure[data-source=adaptive]").waitFor();
  await frame.getByRole("button", { name: "Play" }).first().click();
  const video = frame.locator("video");
  await expect
    .poll(() => video.evaluate(({ currentTime }: HTMLVideoElement) => currentTime), {
      timeout: 20_000,
    })
    .toBeGreaterThan(1);
  const title = frame.getByRole("link", { name: "butterfly_720p2997_7s, opens in a new tab" });
  expect(await title.getAttribute("href")).toBe(`${server.origin}/watch/${id}`);
  const size = await video.evaluate((element) => [element.clientWidth, innerWidth]);
  expect(size[0], "it fills the frame").toBe(size[1]);
  const stored = await video.evaluate(() => {
    try {
      return [...Object.keys(localStorage), document.cookie];
    } catch {
      return ["assetlab.player", ""];
    }
  });
  expect(stored, "the volume alone, where anything").toEqual(["assetlab.player", ""]);
  expect(complaints).toEqual([]);

  frameHtml = snippet.replace(id, "0193e4a0-7f3a-7abc-8def-0123456789ab");
  await page.goto(otherOrigin);
  await frame.getByRole("heading", { name: "This video is not here" }).waitFor();
});
