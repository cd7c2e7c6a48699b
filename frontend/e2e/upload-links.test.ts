import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { expectAccessible } from "./axe";
import { openBrowser, type TestBrowser } from "./browser";
import { BUTTERFLY } from "./clips";

const INPUT = "input[type=file]";
/** However busy the machine is. */
const SOON = { timeout: 60_000 };
const ONE_PICTURE = join(import.meta.dirname, "../../fixtures/one_picture.mp4");

let server: AssetLab;
let browser: TestBrowser;

beforeAll(async () => {
  server = await startAssetLab();
});

afterAll(() => server?.stop());

beforeEach(async () => {
  browser = await openBrowser();
  return () => browser.close();
});

const button = (name: string) => browser.page.getByRole("button", { name, exact: true });

async function makeLink(): Promise<string> {
  const answer = await fetch(`${server.origin}/api/upload-links`, {
    method: "POST",
    headers: { Authorization: `Bearer ${server.token}` },
    body: JSON.stringify({ max_bytes: 200_000_000 }),
  });
  return ((await answer.json()) as { url: string }).url;
}

it("takes one video by a one-time link, beside the token that the device remembers", async () => {
  const { page, complaints } = browser;
  await page.goto(server.link);
  await button("Choose files").waitFor();
  await page.goto("about:blank");
  await page.goto(await makeLink());
  await page.getByText(/^Up to 200 MB\. The link is good until /).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "You are invited to upload one video" }).waitFor();
  await expectAccessible(page);
  await page.setInputFiles(INPUT, BUTTERFLY);
  await page.getByText("Thank you, the video has arrived.").waitFor();
  expect(await button("Choose a file").count(), "it takes no other").toBe(0);

  await button("Use the token of this device instead").click();
  await button("Choose files").waitFor();
  await page.setInputFiles(INPUT, ONE_PICTURE);
  await expect.poll(() => page.getByRole("link", { name: "Open" }).count(), SOON).toBe(2);
  expect(complaints).toEqual([]);
});

/** Over plain HTTP, a host that is not the browser's own machine gets no clipboard, no locks, no handles. */
it("copies the link and shows codes without HTTPS, too", async () => {
  const { page, complaints } = browser;
  const there = server.link.replace("127.0.0.1", "plain.test");
  await page.goto(there);
  await button("Choose files").waitFor();
  expect(await page.evaluate(() => isSecureContext)).toBe(false);
  await page.setInputFiles(INPUT, BUTTERFLY);
  await page.getByRole("link", { name: "Open" }).waitFor();
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  // What was copied is seen where it is pasted.
  await page.evaluate(() => document.body.append(document.createElement("textarea")));
  await page.locator("textarea").focus();
  await page.keyboard.press("Control+V");
  const link = await page.getByLabel("Link to the video").inputValue();
  expect(await page.locator("textarea").inputValue()).toBe(link);
  await page.locator("textarea").evaluate((element) => element.remove());

  await button("Open on your phone").click();
  await page.getByText("The code carries your token: show it to nobody else.").waitFor();
  await page.getByRole("img", { name: /^QR code of plain\.test/ }).waitFor();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  expect(complaints).toEqual([]);
});

it("says what to do where a phone could not open the code's address", async () => {
  const { page } = browser;
  await page.goto(server.link);
  await button("Open on your phone").click();
  await page.getByText("“127.0.0.1” means this computer alone.").waitFor();
  expect(await page.getByRole("img", { name: /^QR code/ }).count()).toBe(0);
  await button("Close").click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
});
