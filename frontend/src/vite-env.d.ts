interface ImportMetaEnv {
  /** Origin of the API, for pages that are hosted elsewhere: `https://video.example.org`. */
  readonly VITE_API_URL?: string;
}

/** The build without what our playlists never use (DRM, interstitials, alternate audio): two thirds the size. */
declare module "hls.js/light" {
  export * from "hls.js";
  export { default } from "hls.js";
}
/// <reference types="vidstack/svelte" />
