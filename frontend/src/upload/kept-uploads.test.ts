import { expect, it } from "vitest";
import { worthKeeping, type KeptUpload } from "./kept-uploads";

const kept = (id: string, expires_at_ms: number): KeptUpload => ({
  id,
  url: `https://video.example.org/api/tus/${id}`,
  name: `${id}.mp4`,
  size_bytes: 2,
  sent_bytes: 1,
  last_modified_ms: 0,
  samples: 0,
  expires_at_ms,
  link_token: null,
  handle: null,
});

it("keeps what the server may still have, newest first", () => {
  const ids = worthKeeping([kept("a", 2000), kept("b", 1000), kept("c", 3000)], 1000);
  expect(ids.map(({ id }) => id)).toEqual(["c", "a"]);
});

it("keeps so many and no more", () => {
  const many = Array.from({ length: 80 }, (_, at) => kept(`${at}`, 1000 + at));
  const left = worthKeeping(many, 0);
  expect(left).toHaveLength(50);
  expect(left.at(-1)!.id).toBe("30");
});
