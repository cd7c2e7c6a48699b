import { expect, it } from "vitest";
import { embedSnippet } from "./embed-snippet";

it("keeps a name from breaking out of its attribute", () => {
  const snippet = embedSnippet("https://site/embed/1?t=5", 'a "b" <script> & c', 16 / 9);
  expect(snippet).toContain('src="https://site/embed/1?t=5"');
  expect(snippet).toContain('title="a &quot;b&quot; &lt;script> &amp; c, a video"');
  expect(snippet).toContain('width="640" height="360"');
});
