import { expect, it } from "vitest";
import type { VideoSummary } from "../lib/api";
import { extended, merged, precedes } from "./video-order";

/** The id of the video that came at this time, and within it as this one. */
const id = (time: number, nth = 0) =>
  `${String(time).padStart(8, "0")}-0000-7000-8000-${String(nth).padStart(12, "0")}`;
const video = (time: number) => ({ id: id(time) }) as VideoSummary;
const videos = (...times: number[]) => times.map(video);

it("knows the server's order", () => {
  expect(precedes(id(2), id(1))).toBe(true);
  expect(precedes(id(1), id(2))).toBe(false);
  expect(precedes(id(1, 1), id(1, 2))).toBe(true);
  expect(precedes(id(1), id(1))).toBe(false);
});

it("puts new videos before, drops those that are gone and keeps what it did not look at", () => {
  const shown = videos(6, 5, 4, 3, 2, 1);
  expect(merged(shown, videos(8, 7, 6, 4), false)).toEqual(videos(8, 7, 6, 4, 3, 2, 1));
  expect(merged(shown, videos(6, 5), true)).toEqual(videos(6, 5));
  expect(merged(shown, [], false)).toEqual(shown);
  expect(merged(shown, [], true)).toEqual([]);
});

it("adds no row twice", () => {
  expect(extended(videos(6, 5, 4), videos(5, 4, 3, 2))).toEqual(videos(6, 5, 4, 3, 2));
  expect(extended([], videos(2, 1))).toEqual(videos(2, 1));
});
