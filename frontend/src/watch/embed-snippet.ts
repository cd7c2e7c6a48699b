import { strings } from "../strings";

/** HTML that shows the video on another page, as wide as there is room. */
export function embedSnippet(url: string, title: string, ratio: number): string {
  const height = Math.round(640 / ratio);
  return (
    `<iframe src="${escaped(url)}" title="${escaped(strings.embed.snippetTitle(title))}" ` +
    `width="640" height="${height}" style="border:0;max-width:100%" ` +
    `allow="autoplay; fullscreen; picture-in-picture" allowfullscreen loading="lazy"></iframe>`
  );
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
