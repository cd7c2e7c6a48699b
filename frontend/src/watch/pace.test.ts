import { expect, it } from "vitest";
import { Pace } from "./pace";

it("promises nothing before it has seen anything happen", () => {
  const pace = new Pace();
  expect(pace.left_s(0.1, 0)).toBeNull();
  expect(pace.left_s(0.15, 1_000)).toBeNull();
  expect(new Pace().left_s(0.9, 60_000)).toBeNull();
});

it("goes by the pace of late", () => {
  const pace = new Pace();
  pace.left_s(0, 0);
  expect(pace.left_s(0.1, 10_000)).toBeCloseTo(90);
  // Ten times slower for a minute.
  let left_s: number | null = null;
  for (let step = 1; step <= 60; step += 1)
    left_s = pace.left_s(0.1 + step * 0.001, 10_000 + step * 1_000);
  expect(left_s).toBeCloseTo(840, -1);
});

it("begins anew where the transcode does", () => {
  const pace = new Pace();
  pace.left_s(0, 0);
  pace.left_s(0.8, 10_000);
  expect(pace.left_s(0.05, 11_000)).toBeNull();
  expect(pace.left_s(0.15, 21_000)).toBeCloseTo(85);
});
