import { describe, expect, it } from "vitest";
import { formatBytes, formatDate, formatDuration, formatWait, wholePercent } from "./format";

describe("formatBytes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [22_718_509, "22.7 MB"],
    [99_949_999, "99.9 MB"],
    [99_950_000, "100 MB"],
    [999_500_000, "1.0 GB"],
    [1_073_741_824, "1.1 GB"],
    [5e15, "5000 TB"],
  ])("%d is %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe("formatDuration", () => {
  it.each([
    [0, "0:00"],
    [7_540, "0:08"],
    [59_600, "1:00"],
    [3_599_499, "59:59"],
    [3_723_000, "1:02:03"],
  ])("%d ms is %s", (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe("formatWait", () => {
  it.each([
    [0, "1 s"],
    [8.2, "9 s"],
    [31, "35 s"],
    [60, "1 min"],
    [61, "2 min"],
    [3600, "1 h"],
    [7790, "2 h 10 min"],
  ])("%d s is %s", (seconds, text) => expect(formatWait(seconds)).toBe(text));
});

describe("formatDate", () => {
  it("writes the day out", () => {
    expect(formatDate("2026-03-09T12:00:00Z", "en-GB")).toBe("9 March 2026");
  });
  it("writes it shorter where room is scarce", () => {
    expect(formatDate("2026-03-09T12:00:00Z", "en-GB", "medium")).toBe("9 Mar 2026");
  });
  it("says nothing rather than nonsense", () => expect(formatDate("soon")).toBe(""));
});

describe("wholePercent", () => {
  it.each([
    [0, 0],
    [0.999, 99],
    [1, 100],
    [1.2, 100],
    [-1, 0],
  ])("%d is %d", (fraction, percent) => expect(wholePercent(fraction)).toBe(percent));
});
