import { describe, expect, it } from "vitest";
import type { StatusAnswer, VideoStatus } from "./api";
import { isSettled, LOADING, nextView, pollDelayMs, type VideoView } from "./video-view";

const answer = (status: VideoStatus["status"]): StatusAnswer => ({
  kind: "status",
  status: {
    id: "0193e4a0-7f3a-7abc-8def-0123456789ab",
    filename: "clip.mp4",
    created_at: "2026-03-09T12:00:00Z",
    updated_at: "2026-03-09T12:00:00Z",
    status,
    progress: 0,
    qualities: [],
    renditions: [],
    warnings: [],
  },
});
const after = (...answers: StatusAnswer[]): VideoView => answers.reduce(nextView, LOADING);

describe("nextView", () => {
  it("follows a video to its end", () => {
    expect(after(answer("pending")).phase).toBe("pending");
    expect(after(answer("pending"), answer("processing")).phase).toBe("processing");
    expect(after(answer("processing"), answer("done")).phase).toBe("done");
  });

  it("keeps what it knows while the server cannot be reached", () => {
    const view = after(answer("processing"), { kind: "unreachable" });
    expect(view).toMatchObject({ phase: "processing", reachable: false });
    expect(nextView(view, answer("processing")).reachable).toBe(true);
  });

  it("goes on loading when the first answer does not come", () => {
    expect(after({ kind: "unreachable" })).toEqual({ phase: "loading", reachable: false });
  });

  it("notices that a video was deleted", () => {
    expect(after(answer("processing"), { kind: "missing" }).phase).toBe("deleted");
    expect(after(answer("done"), { kind: "missing" }).phase).toBe("deleted");
    expect(after({ kind: "deleted" }).phase).toBe("deleted");
    expect(isSettled(after({ kind: "uploading" }))).toBe(false);
    expect(after({ kind: "uploading" }, answer("pending")).phase).toBe("pending");
    expect(after({ kind: "missing" }).phase).toBe("missing");
  });
});

it.each([
  ["done", true],
  ["error", true],
  ["pending", false],
  ["processing", false],
] as const)("%s is settled: %s", (status, settled) => {
  expect(isSettled(after(answer(status)))).toBe(settled);
});

describe("pollDelayMs", () => {
  it("is short while somebody looks", () => {
    const view = after(answer("processing"));
    expect(pollDelayMs(view, 0, true)).toBeGreaterThan(pollDelayMs(view, 0, false));
  });
  it("backs off, but not for ever", () => {
    const view = after({ kind: "unreachable" });
    const delays = [1, 2, 3, 10].map((failures) => pollDelayMs(view, failures, false));
    expect(delays).toEqual([1000, 2000, 4000, 10000]);
  });
});
