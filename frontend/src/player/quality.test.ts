import { expect, it } from "vitest";
import { qualitiesOf, rungName } from "./quality";

const level = (width: number, height: number, bitrate = 1) => ({ width, height, bitrate });

it("names rungs by the short side", () => {
  expect(rungName(1920, 1080)).toBe("1080p");
  expect(rungName(606, 1080)).toBe("606p");
});

it("lists the lowest first whatever the playlist's order", () => {
  expect(qualitiesOf([level(1920, 1080), level(640, 360), level(1280, 720)])).toEqual([
    { level: 1, rung: "360p" },
    { level: 2, rung: "720p" },
    { level: 0, rung: "1080p" },
  ]);
});

it("gives an upright video the same names", () => {
  expect(qualitiesOf([level(360, 640), level(1080, 1920)]).map(({ rung }) => rung)).toEqual([
    "360p",
    "1080p",
  ]);
});

it("names each rung once, with its better level", () => {
  expect(qualitiesOf([level(1280, 720, 900), level(1280, 720, 2500)])).toEqual([
    { level: 1, rung: "720p" },
  ]);
});

it("has nothing to offer without levels", () => expect(qualitiesOf([])).toEqual([]));
