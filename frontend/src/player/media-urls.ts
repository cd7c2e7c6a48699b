import type { HlsConfig, RetryConfig } from "hls.js";
import Hls from "hls.js/light";

/** How often in a row a refused URL is replaced before the refusal counts. */
const MAX_REFRESHES = 3;

/**
 * Keeps a long-paused video playable. The URLs in a media playlist are signed and lapse, and hls.js
 * never loads a VOD playlist twice; so when S3 says 403, the playlist is read again and its fresh URL
 * takes the place of the lapsed one. All segments of a rung share one URL.
 */
export class MediaUrls {
  /** By path of the media file, which outlives signatures. */
  #playlists = new Map<string, string>();
  #fresh = new Map<string, string>();
  #lapsed = false;

  readonly config: Partial<HlsConfig> = {
    xhrSetup: (xhr, url) => this.#prepare(xhr, url),
    fragLoadPolicy: withRetry(Hls.DefaultConfig.fragLoadPolicy, (retry, count, httpStatus) => {
      if (httpStatus !== 403 || count > MAX_REFRESHES) return retry;
      this.#lapsed = true;
      return true;
    }),
  };

  /** Learns which playlist names which file. */
  follow(hls: Hls): void {
    hls.on(Hls.Events.LEVEL_LOADED, (_event, { details }) => {
      const media = details.fragments[0]?.url;
      if (media) this.#playlists.set(pathOf(media), details.url);
    });
  }

  async #prepare(xhr: XMLHttpRequest, url: string): Promise<void> {
    const path = pathOf(url);
    if (!this.#playlists.has(path)) return;
    if (this.#lapsed) await this.#refresh(path);
    const fresh = this.#fresh.get(path);
    if (fresh) xhr.open("GET", fresh, true);
  }

  async #refresh(path: string): Promise<void> {
    const playlistUrl = this.#playlists.get(path);
    if (!playlistUrl) return;
    const response = await fetch(playlistUrl, { cache: "no-store" });
    if (!response.ok) return;
    const media = firstUri(await response.text());
    if (!media) return;
    const fresh = new URL(media, playlistUrl).href;
    this.#fresh.set(pathOf(fresh), fresh);
    this.#lapsed = false;
  }
}

/** The first line of a playlist that is neither empty nor a tag or comment (RFC 8216bis, 4.1). */
export function firstUri(playlist: string): string | null {
  const lines = playlist.split(/\r?\n/);
  return lines.find((line) => line !== "" && !line.startsWith("#")) ?? null;
}

function pathOf(url: string): string {
  const { origin, pathname } = new URL(url, document.baseURI);
  return origin + pathname;
}

function withRetry(
  policy: HlsConfig["fragLoadPolicy"],
  decide: (retry: boolean, count: number, httpStatus: number | undefined) => boolean,
): HlsConfig["fragLoadPolicy"] {
  const { errorRetry } = policy.default;
  if (!errorRetry) return policy;
  const shouldRetry: RetryConfig["shouldRetry"] = (_config, count, _isTimeout, response, retry) =>
    decide(retry, count, response?.code);
  return { default: { ...policy.default, errorRetry: { ...errorRetry, shouldRetry } } };
}
