import { expect, it } from "vitest";
import { TransferRate } from "./transfer-rate";

it("is unknown in the first second", () => {
  const rate = new TransferRate();
  expect(rate.add(0, 0)).toBeNull();
  expect(rate.add(900, 5_000_000)).toBeNull();
  expect(rate.add(1_000, 5_000_000)).toBe(5_000_000);
});

it("follows a line that slows down, forgetting what is long past", () => {
  const rate = new TransferRate();
  let sent = 0;
  for (let at = 0; at <= 10_000; at += 500) rate.add(at, (sent += 500_000));
  let last: number | null = null;
  for (let at = 10_500; at <= 20_000; at += 500) last = rate.add(at, (sent += 50_000));
  expect(last).toBe(100_000);
});

it("shows a stall as zero", () => {
  const rate = new TransferRate();
  rate.add(0, 0);
  rate.add(1_000, 1_000_000);
  expect(rate.add(7_000, 1_000_000)).toBe(0);
});
