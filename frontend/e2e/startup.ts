import { afterAll, beforeAll, it } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser } from "./browser";
import { BUTTERFLY } from "./clips";
import { untilDone, uploadByApi } from "./watching";

const RUNS = 10;

let server: AssetLab;
let id: string;

beforeAll(async () => {
  server = await startAssetLab();
  id = await uploadByApi(server, BUTTERFLY);
  await untilDone(server, id);
});

afterAll(() => server?.stop());

/** From navigation to the first picture, and the scripts that came before it, as sent. */
async function startOnce(): Promise<{ first_ms: number; script_bytes: number }> {
  const { page, close } = await openBrowser();
  await page.addInitScript(() => {
    const look = () => {
      const video = document.querySelector("video");
      if (!video) requestAnimationFrame(look);
      else
        video.requestVideoFrameCallback(
          () => (document.documentElement.dataset.first_ms = `${performance.now()}`),
        );
    };
    look();
  });
  await page.goto(`${server.origin}/watch/${id}`);
  await page.waitForFunction(() => document.documentElement.dataset.first_ms);
  const seen = await page.evaluate(() => {
    const first_ms = Number(document.documentElement.dataset.first_ms);
    const scripts = performance
      .getEntriesByType("resource")
      .filter((entry): entry is PerformanceResourceTiming => entry.name.endsWith(".js"))
      .filter((entry) => entry.responseEnd <= first_ms);
    return {
      first_ms,
      script_bytes: scripts.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
    };
  });
  await close();
  return seen;
}

it("tells how soon a finished video shows its first picture", async () => {
  const runs = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await startOnce());
  const times = runs.map(({ first_ms }) => Math.round(first_ms)).sort((a, b) => a - b);
  console.log(`first picture after ${times[RUNS / 2]} ms (median of ${times.join(", ")})`);
  console.log(`scripts before it: ${runs[0]!.script_bytes} bytes as sent`);
});
