import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { precompress } from "./precompress.ts";

/** Where `npm run dev` finds the API. */
const api = process.env.DEV_API_URL ?? "http://127.0.0.1:3000";

/**
 * Vidstack can fetch what plays other kinds of sources, some of them from other sites. Nothing here asks for
 * that; left out, nothing can.
 */
const withoutOtherProviders: Plugin = {
  name: "without-other-providers",
  enforce: "pre",
  resolveId: (source) =>
    /vidstack-(audio|dash|google-cast|hls|vimeo|youtube)\.js$/.test(source)
      ? "\0no-provider"
      : null,
  load: (id) => (id === "\0no-provider" ? "export default null" : null),
};

export default defineConfig({
  plugins: [svelte(), withoutOtherProviders, precompress()],
  build: {
    // No data: URLs and no inline script: the pages run under a Content-Security-Policy of 'self'.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // hls.js arrives in a chunk of its own, after the page it serves is on the screen.
    // Tells the server which files belong to which page, so that its HTML can name them.
    manifest: true,
    chunkSizeWarningLimit: 600,
  },
  server: {
    // The Host header stays that of the dev server, so that the URLs the API makes of it come back here.
    // Whatever is not a page or one of Vite's own modules belongs to the API: its routes and the media.
    proxy: { "^/(?!$|watch/|embed/|videos|src/|node_modules/|@|favicon)": { target: api } },
  },
  // In tests too: left to Node, it would be the Svelte that renders on servers.
  ...(process.env.VITEST ? { resolve: { conditions: ["browser"] } } : {}),
  test: {
    include: ["src/**/*.test.ts"],
    environment: "./browser-like.ts",
    // Node has no page whose origin a path could stand for.
    env: { VITE_API_URL: "http://api.example" },
  },
});
