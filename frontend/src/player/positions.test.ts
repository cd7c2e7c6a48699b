import { beforeEach, expect, it, vi } from "vitest";
import { Positions } from "./positions";

beforeEach(() => {
  const items = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => items.set(key, value),
  });
  return () => vi.unstubAllGlobals();
});

it("remembers across visits where a video was left", () => {
  new Positions().remember("a", 61.26, 300);
  expect(new Positions().of("a")).toBe(61.3);
  expect(new Positions().of("b")).toBe(0);
});

it("overwrites nothing that another tab has remembered meanwhile", () => {
  const [one, other] = [new Positions(), new Positions()];
  one.remember("a", 61, 300);
  other.remember("b", 62, 300);
  one.remember("a", 70, 300);
  expect([new Positions().of("a"), new Positions().of("b")]).toEqual([70, 62]);
});

it("begins a finished video anew", () => {
  const positions = new Positions();
  positions.remember("a", 61, 300);
  positions.remember("a", 295, 300);
  expect(new Positions().of("a")).toBe(0);
});

it("forgets what was watched longest ago", () => {
  for (let video = 0; video < 201; video += 1) new Positions().remember(`${video}`, 60, 300);
  expect(new Positions().of("0")).toBe(0);
  expect(new Positions().of("1")).toBe(60);
});

it("does without storage", () => {
  vi.stubGlobal("localStorage", undefined);
  const positions = new Positions();
  positions.remember("a", 61, 300);
  expect(positions.of("a")).toBe(61);
});

it("is not put off by what others have stored there", () => {
  localStorage.setItem("assetlab.positions", '{"a": 5');
  expect(new Positions().of("a")).toBe(0);
});
