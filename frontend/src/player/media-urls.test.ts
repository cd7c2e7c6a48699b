import { expect, it } from "vitest";
import { firstUri } from "./media-urls";

it("finds the media's URL among tags, comments and either line ending", () => {
  const playlist =
    '#EXTM3U\r\n#EXT-X-VERSION:7\r\n#EXT-X-MAP:URI="a.mp4?1",BYTERANGE="8@0"\r\n\r\n' +
    "#EXTINF:4.0,\r\n#EXT-X-BYTERANGE:10@8\r\n/video/a.mp4?X-Amz-Expires=5\r\n#EXT-X-ENDLIST\r\n";
  expect(firstUri(playlist)).toBe("/video/a.mp4?X-Amz-Expires=5");
});

it("says so when there is none", () => expect(firstUri("#EXTM3U\n")).toBeNull());
