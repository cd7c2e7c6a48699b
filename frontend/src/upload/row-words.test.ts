import { expect, it } from "vitest";
import { announcementOf, wordsOf } from "./row-words";
import { problemOf } from "./upload-problem";

const lost = problemOf({ status: 0, body: "", retry_after_s: null });
const upload = {
  state: { name: "sending" } as Parameters<typeof wordsOf>[0]["state"],
  size_bytes: 200_000_000,
  sent_bytes: 50_000_000,
  rate_bytes_per_s: null as number | null,
  id: null as string | null,
  handle: null,
};

it.each([
  [{}, "50.0 MB of 200 MB"],
  [{ rate_bytes_per_s: 10_000_000 }, "50.0 MB of 200 MB · 10.0 MB/s · 15 s left"],
  [{ rate_bytes_per_s: 0 }, "50.0 MB of 200 MB · 0 B/s"],
  [{ sent_bytes: 200_000_000 }, "Saving…"],
  [{ state: { name: "waiting" as const } }, "Waiting for its turn · 200 MB"],
  [{ state: { name: "paused" as const } }, "Paused at 50.0 MB of 200 MB"],
  [
    { state: { name: "retrying" as const, problem: lost, at_ms: 9_000 } },
    "The connection to the server was lost. Trying again in 8 s.",
  ],
  [
    { state: { name: "unfinished" as const } },
    "Not finished: 50.0 MB of 200 MB are uploaded. Choose the same file again to go on from there.",
  ],
])("%o", (now, words) => expect(wordsOf({ ...upload, ...now }, true, 1_000)).toBe(words));

it("says that the token is missing", () => {
  const waiting = { ...upload, state: { name: "waiting" } as const };
  expect(wordsOf(waiting, false, 0)).toBe("Waiting for the token · 200 MB");
});

it("announces quarters, and not each percent", () => {
  const at = (sent_bytes: number) => announcementOf({ ...upload, sent_bytes });
  expect(at(52_000_000)).toBe(at(98_000_000));
  expect(at(100_000_000)).toBe("uploading, 50 percent");
  expect(announcementOf({ ...upload, id: "x" })).toContain("the link can be shared now");
});
