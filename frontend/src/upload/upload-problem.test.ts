import { describe, expect, it } from "vitest";
import { strings } from "../strings";
import { problemOf, refusalOf } from "./upload-problem";

const body = (message: string, code = "x") => JSON.stringify({ error: { code, message } });

describe("problemOf", () => {
  it.each([
    [0, "", "network", strings.uploadProblem.network],
    [401, body("Send the admin token"), "token", strings.uploadProblem.unauthorized],
    [401, body("Expired.", "link_expired"), "token", "Expired."],
    [409, body("Used.", "link_spent"), "token", "Used."],
    [429, body("Try again in 3 s."), "server", "Try again in 3 s."],
    [429, "<html>", "server", strings.uploadProblem.server],
    [413, body("limit of 1073741824 bytes"), "file", strings.uploadProblem.tooLarge],
    [422, body("The form has no file."), "file", "The form has no file."],
    [422, "<html>", "file", strings.uploadProblem.notAccepted],
    [502, "Bad gateway", "server", strings.uploadProblem.server],
  ])("%d %s", (status, text, kind, message) => {
    expect(problemOf(status, text)).toEqual({ kind, message });
  });
});

describe("refusalOf", () => {
  const file = (size: number) => new File([new Uint8Array(size)], "clip.mp4");
  it("lets one file with something in it pass", () => expect(refusalOf([file(1)])).toBeNull());
  it("stops an empty file", () => expect(refusalOf([file(0)])?.kind).toBe("file"));
  it("stops several", () => expect(refusalOf([file(1), file(1)])?.kind).toBe("file"));
});
