import { expect, it } from "vitest";
import { titleOf } from "./video-title";

it.each([
  ["holiday.m2ts", "holiday"],
  ["holiday.final.MP4", "holiday.final"],
  ["Trip to St. Moritz", "Trip to St. Moritz"],
  ["2026.03.09", "2026.03.09"],
  ["عطلة.mp4", "عطلة"],
  [".mp4", ".mp4"],
  ["", "video"],
])("%s is called %s", (filename, title) => expect(titleOf(filename)).toBe(title));
