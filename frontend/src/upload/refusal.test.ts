import { describe, expect, it } from "vitest";
import { strings } from "../strings";
import { refusalOf } from "./refusal";

const file = (name: string, type = "", bytes = 10) =>
  new File([new Uint8Array(bytes)], name, { type });
const why = (chosen: File, max_bytes: number | null = null) =>
  refusalOf(chosen, max_bytes)?.message ?? null;

describe("refusalOf", () => {
  it.each([
    ["holiday.mp4", "video/mp4"],
    ["camera.MTS", ""],
    // To some systems this is TypeScript, or a phrase book.
    ["tape.ts", "text/vnd.trolltech.linguist"],
    ["call.3gp", "audio/3gpp"],
    ["sound only.ogg", "audio/ogg"],
    ["no extension", ""],
    ["unheard.of", "application/octet-stream"],
    ["archive.of.2024", ""],
  ])("lets %s (%s) pass", (name, type) => expect(why(file(name, type))).toBeNull());

  it.each([
    ["photo.jpg", "image/jpeg"],
    ["photo", "image/png"],
    ["notes.txt", "text/plain"],
    ["song.mp3", "audio/mpeg"],
    ["album.zip", ""],
    ["letter", "application/pdf"],
    ["table", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
  ])("stops %s (%s)", (name, type) => expect(why(file(name, type))).toBe(strings.refusal.noVideo));

  it("stops what is empty", () => {
    expect(why(file("empty.mp4", "video/mp4", 0))).toBe(strings.refusal.empty);
  });

  it("stops what is larger than the server takes, where that is known", () => {
    expect(why(file("a.mp4", "", 10), 10)).toBeNull();
    expect(why(file("a.mp4", "", 11), 10)).toBe("has 11 B. This server takes up to 10 B.");
    expect(why(file("a.mp4", "", 11), null)).toBeNull();
  });
});
