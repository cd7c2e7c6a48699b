import { expect, it } from "vitest";
import { embedUrl, isOfThisMachine, routeOf, watchUrl } from "./route";

const id = "0193e4a0-7f3a-7abc-8def-0123456789ab";

it.each([
  ["/", { page: "upload" }],
  [`/watch/${id}`, { page: "watch", id }],
  [`/watch/${id}/`, { page: "watch", id }],
  [`/embed/${id}`, { page: "embed", id }],
  ["/videos", { page: "library" }],
  ["/videos/", { page: "library" }],
  ["/videos/more", { page: "missing" }],
  ["/watch/", { page: "missing" }],
  [`/watch/${id}/more`, { page: "missing" }],
  ["/watch/..%2f", { page: "missing" }],
  ["/elsewhere", { page: "missing" }],
])("%s", (path, route) => expect(routeOf(path)).toEqual(route));

it("makes links that lead back to the page", () => {
  expect(routeOf(new URL(watchUrl("http://127.0.0.2:3000", id)).pathname)).toEqual({
    page: "watch",
    id,
  });
  expect(routeOf(new URL(embedUrl("http://127.0.0.2:3000", id)).pathname)).toEqual({
    page: "embed",
    id,
  });
});

it.each([
  ["localhost", true],
  ["127.0.0.2", true],
  ["[::1]", true],
  ["192.168.1.20", false],
  ["video.example.org", false],
  ["127.example.org", false],
])("tells whether others reach %s", (host, isOwn) => expect(isOfThisMachine(host)).toBe(isOwn));
