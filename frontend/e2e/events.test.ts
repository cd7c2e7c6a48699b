import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startAssetLab, type AssetLab } from "./assetlab";
import { openBrowser, type TestBrowser } from "./browser";
import { BUTTERFLY } from "./clips";

let server: AssetLab;
let browser: TestBrowser;

beforeAll(async () => {
  server = await startAssetLab();
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function upload(): Promise<string> {
  const form = new FormData();
  form.append("file", new Blob([await readFile(BUTTERFLY)]), "butterfly.mp4");
  const response = await fetch(`${server.origin}/api/upload`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.token}` },
    body: form,
  });
  const { id } = (await response.json()) as { id: string };
  return id;
}

it("tells an EventSource what becomes of a video, and then to stop", async () => {
  const { page, complaints } = browser;
  const id = await upload();
  await page.goto(server.origin);
  // Left to itself, an EventSource whose stream has ended asks for it again: the answer ends it for good.
  const told = await page.evaluate(
    (path) =>
      new Promise<{ status: string; progress: number }[]>((resolve) => {
        const told: { status: string; progress: number }[] = [];
        const source = new EventSource(path);
        source.addEventListener("status", (event) => {
          told.push(JSON.parse((event as MessageEvent<string>).data));
        });
        source.addEventListener("error", () => {
          if (source.readyState === EventSource.CLOSED) resolve(told);
        });
      }),
    `/api/video/${id}/events`,
  );
  expect(told.at(-1)).toMatchObject({ status: "done", progress: 1 });
  expect(told.filter(({ status }) => status === "done")).toHaveLength(1);
  const progress = told.map(({ progress }) => progress);
  expect(progress, "nothing goes back").toEqual(progress.toSorted((a, b) => a - b));
  expect(complaints).toEqual([]);
});
