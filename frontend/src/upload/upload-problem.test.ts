import { describe, expect, it } from "vitest";
import { strings } from "../strings";
import { problemOf, retryDelayMs } from "./upload-problem";

const text = strings.uploadProblem;
const body = (code: string, message = "As the server says.") =>
  JSON.stringify({ error: { code, message } });
const problem = (status: number, said = "", retry_after_s: number | null = null) =>
  problemOf({ status, body: said, retry_after_s });

describe("problemOf", () => {
  it.each([
    [0, "", "network", text.network, "always"],
    [401, body("unauthorized"), "token", text.unauthorized, "never"],
    // HEAD has no body.
    [401, "", "token", text.unauthorized, "never"],
    [401, body("link_expired"), "link", text.linkExpired, "never"],
    [409, body("link_spent"), "link", text.linkSpent, "never"],
    [409, body("offset_differs"), "server", text.busy, "at-once"],
    [423, "", "server", text.busy, "at-once"],
    [404, "", "gone", text.gone, "never"],
    [410, body("gone"), "gone", text.gone, "never"],
    [413, body("too_large"), "file", text.tooLarge, "never"],
    [415, body("not_a_video", "A picture."), "file", "A picture.", "never"],
    [415, "<html>", "file", text.notAccepted, "never"],
    [400, body("bad_header", "Send it."), "server", "Send it.", "never"],
    [429, body("rate_limited"), "server", text.rateLimited, "always"],
    [500, body("internal"), "server", text.server, "some-times"],
    [502, "<html>", "server", text.server, "some-times"],
    [503, body("busy"), "server", text.busy, "always"],
  ])("%d %s", (status, said, kind, message, again) => {
    expect(problem(status, said)).toMatchObject({ kind, message, again });
  });
});

describe("retryDelayMs", () => {
  it("waits longer each time, and never gives up a line", () => {
    const delays_ms = [0, 1, 2, 3, 4, 5, 100].map((attempts) => retryDelayMs(problem(0), attempts));
    expect(delays_ms).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it("waits at least as long as the server asks", () => {
    expect(retryDelayMs(problem(429, "", 90), 0)).toBe(90_000);
    expect(retryDelayMs(problem(503, "", 5), 3)).toBe(8000);
  });

  it("asks at once how far another request came, and later where that is no help", () => {
    expect([0, 1, 6].map((attempts) => retryDelayMs(problem(409), attempts))).toEqual([
      0,
      2000,
      null,
    ]);
  });

  it("leaves it to a person where more of the same is no help", () => {
    expect(retryDelayMs(problem(500), 5)).toBe(30_000);
    expect(retryDelayMs(problem(500), 6)).toBeNull();
    expect(retryDelayMs(problem(401), 0)).toBeNull();
    expect(retryDelayMs(problem(404), 0)).toBeNull();
  });
});
