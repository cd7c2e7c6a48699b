import { flushSync } from "svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { VideoSummary } from "../lib/api";
import { Library, PAGE_ROWS } from "./library.svelte";

/** A server with these videos, newest first, that hands them out as the real one does. */
let held: VideoSummary[];
let refuses: boolean;
let isDown: boolean;
let asked: URL[];
let stop: () => void;
const page = Object.assign(new EventTarget(), { hidden: false, setTimeout, clearTimeout });

const idAt = (time: number) => `${String(time).padStart(8, "0")}-0000-7000-8000-000000000000`;
function video(time: number, status: VideoSummary["status"] = "done", filename = `${time}.mp4`) {
  const created_at = "2026-03-09T12:00:00Z";
  return { id: idAt(time), filename, status, progress: 0, created_at, qualities: [], bytes: 0 };
}
const many = (count: number) => Array.from({ length: count }, (_, index) => video(count - index));
const shownBy = (library: Library) => library.videos.map(({ id }) => id);

async function answer(request: Request): Promise<Response> {
  const url = new URL(request.url);
  if (isDown) return Response.error();
  if (refuses) return Response.json({}, { status: 401 });
  if (request.method === "DELETE") {
    held = held.filter(({ id }) => !url.pathname.endsWith(id));
    return new Response(null, { status: 204 });
  }
  asked.push(url);
  const { limit, cursor = "", q = "" } = Object.fromEntries(url.searchParams);
  const matching = held.filter(
    ({ id, filename }) => (!cursor || id < cursor) && filename.includes(q),
  );
  const videos = matching.slice(0, Number(limit));
  const next_cursor = matching.length > videos.length ? videos.at(-1)?.id : undefined;
  return Response.json({ videos, next_cursor });
}

beforeEach(() => {
  held = [];
  asked = [];
  refuses = isDown = page.hidden = false;
  vi.useFakeTimers();
  Object.assign(page, { setTimeout, clearTimeout });
  vi.stubGlobal("window", page);
  vi.stubGlobal("document", page);
  vi.stubGlobal("fetch", vi.fn(answer));
});

afterEach(() => {
  stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  flushSync();
}

async function start(search = ""): Promise<Library> {
  const library = new Library("token", search);
  stop = $effect.root(() => {
    $effect(() => library.start());
  });
  flushSync();
  await pass(0);
  return library;
}

it("shows a page, and further ones without a gap while videos come and go", async () => {
  held = many(2 * PAGE_ROWS + 3);
  const library = await start();
  expect(library.videos).toHaveLength(PAGE_ROWS);
  held = [video(900), video(800), ...held.filter(({ id }) => id !== idAt(PAGE_ROWS))];
  await library.more();
  await pass(15_000);
  await library.more();
  expect(shownBy(library)).toEqual(held.map(({ id }) => id));
  expect(library.hasMore).toBe(false);
});

it("asks often while a video is on its way, as far down as that one", async () => {
  held = many(150);
  held[120] = video(30, "processing");
  const library = await start();
  for (let pages = 1; pages < 6; pages += 1) await library.more();
  expect(library.videos).toHaveLength(6 * PAGE_ROWS);
  await pass(15_000);
  asked = [];
  held[120] = { ...video(30, "processing"), progress: 0.5 };
  await pass(2_000);
  expect(asked.map(({ searchParams }) => searchParams.get("limit"))).toEqual(["100", "21"]);
  expect(library.videos[120]?.progress).toBe(0.5);
  held[120] = video(30);
  await pass(2_000);
  asked = [];
  await pass(14_000);
  expect(asked, "nothing is on its way").toHaveLength(0);
  await pass(1_000);
  expect(asked).toHaveLength(1);
  expect(library.videos, "those below were not looked at").toHaveLength(6 * PAGE_ROWS);
});

it("rests while nobody looks, and asks at once when somebody does", async () => {
  held = [video(1, "processing")];
  await start();
  page.hidden = true;
  await pass(60_000);
  expect(asked).toHaveLength(1);
  page.hidden = false;
  document.dispatchEvent(new Event("visibilitychange"));
  await pass(0);
  expect(asked).toHaveLength(2);
});

it("looks for what was typed, once, and shows what there was until the answer comes", async () => {
  held = [video(3, "done", "cat.mp4"), video(2, "done", "dog.mp4"), video(1, "done", "cart.mp4")];
  const library = await start();
  asked = [];
  for (const typed of ["c", "ca", "cat"]) {
    library.find(typed);
    await pass(100);
  }
  expect(asked).toHaveLength(0);
  expect(library.videos).toHaveLength(3);
  await pass(250);
  expect(asked.map(({ searchParams }) => searchParams.get("q"))).toEqual(["cat"]);
  expect(shownBy(library)).toEqual([idAt(3)]);
  expect(library.shownSearch).toBe("cat");
});

it("begins with the search that the address names", async () => {
  held = [video(2, "done", "cat.mp4"), video(1, "done", "dog.mp4")];
  const library = await start("dog");
  expect(shownBy(library)).toEqual([idAt(1)]);
});

it("shows a deleted video no more, not even by an answer that was on its way", async () => {
  held = many(3);
  const library = await start();
  const late = structuredClone(held);
  expect(await library.remove(idAt(2))).toBe(true);
  expect(shownBy(library)).toEqual([idAt(3), idAt(1)]);
  held = late;
  await pass(15_000);
  expect(shownBy(library)).toEqual([idAt(3), idAt(1)]);
});

it("keeps a video that could not be deleted", async () => {
  held = many(2);
  const library = await start();
  isDown = true;
  expect(await library.remove(idAt(2))).toBe(false);
  expect(library.videos).toHaveLength(2);
});

it("says that the token was refused, and asks no more", async () => {
  refuses = true;
  const library = await start();
  expect(library.phase).toBe("refused");
  await pass(60_000);
  expect(fetch).toHaveBeenCalledTimes(1);
});

it("keeps what it knows while the server cannot be reached, and asks less and less often", async () => {
  held = many(2);
  const library = await start();
  isDown = true;
  await pass(15_000);
  expect(library).toMatchObject({ isReachable: false, phase: "shown" });
  expect(library.videos).toHaveLength(2);
  const before = vi.mocked(fetch).mock.calls.length;
  await pass(7_000);
  expect(vi.mocked(fetch).mock.calls.length - before, "after 1, 2 and 4 s").toBe(3);
  isDown = false;
  window.dispatchEvent(new Event("online"));
  await pass(0);
  expect(library.isReachable).toBe(true);
});
