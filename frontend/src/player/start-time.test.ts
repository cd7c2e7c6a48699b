import { expect, it } from "vitest";
import { startTime_s, withStartTime } from "./start-time";

it.each([
  ["?t=90", 90],
  ["?t=90s", 90],
  ["?t=1m30s", 90],
  ["?a=b&t=1h2m", 3720],
  ["?t=12.5", 12.5],
  ["?t=0", 0],
])("%s begins at %d s", (search, position_s) => expect(startTime_s(search)).toBe(position_s));

it.each(["", "?t=", "?t=soon", "?t=-5", "?t=1m30m", "?t=5x"])("%s names no time", (search) =>
  expect(startTime_s(search)).toBeNull(),
);

it("makes links that lead to the same second", () => {
  const link = withStartTime("https://site/watch/1", 90.7);
  expect(startTime_s(new URL(link).search)).toBe(90);
  expect(withStartTime("https://site/watch/1", 0.4)).toBe("https://site/watch/1");
});
