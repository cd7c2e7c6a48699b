/** What the pages ask of the API. */

import { api, base } from "./client";
import type { components } from "./schema";

export { api, bearer } from "./client";

/** What the API takes and answers, by the names that its document has. */
export type Schemas = components["schemas"];
export type VideoStatus = Schemas["Status"];
export type VideoSummary = Schemas["VideoSummary"];

export type StatusAnswer =
  | { kind: "status"; status: VideoStatus }
  | { kind: "missing" }
  | { kind: "deleted" }
  | { kind: "uploading" }
  | { kind: "unreachable" };

/** The address of something under `/api/`, for elements and libraries that fetch by themselves. */
export function apiUrl(path: string): string {
  return `${base}/api/${path}`;
}

export function masterPlaylistUrl(id: string): string {
  return apiUrl(`video/${id}/hls/master.m3u8`);
}

/** Asks for the status. `no-cache` makes the browser revalidate by ETag: unchanged costs a 304. */
export async function fetchStatus(id: string, signal: AbortSignal): Promise<StatusAnswer> {
  try {
    const { data, error, response } = await api.GET("/api/video/{id}/status", {
      params: { path: { id } },
      cache: "no-cache",
      signal,
    });
    if (data) return { kind: "status", status: data };
    const code = error?.error?.code;
    if (code === "deleted" || code === "uploading") return { kind: code };
    return { kind: response.status === 404 ? "missing" : "unreachable" };
  } catch {
    return { kind: "unreachable" };
  }
}

/** A link that saves one quality under the name of what was uploaded. */
export async function fetchDownloadUrl(id: string, rung: string): Promise<string> {
  const { data, response } = await api.GET("/api/video/{id}/{name}", {
    params: { path: { id, name: rung }, query: { download: "1" } },
    cache: "no-store",
  });
  if (!data || !("url" in data)) throw new Error(`the API answered ${response.status}`);
  return data.url;
}

/** A fresh URL of the original or, once the video is done, of its top rendition. */
export async function fetchPlainUrl(id: string): Promise<string> {
  const { data, response } = await api.GET("/api/video/{id}", {
    params: { path: { id } },
    cache: "no-store",
  });
  if (!data) throw new Error(`the API answered ${response.status}`);
  return data.url;
}

/** What the API's error body says, if that is what the text is. */
export function errorOf(body: string): { code: string; message: string } | null {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown; message?: unknown } };
    const { code, message } = error ?? {};
    if (typeof code !== "string" || typeof message !== "string" || message === "") return null;
    return { code, message };
  } catch {
    return null;
  }
}
