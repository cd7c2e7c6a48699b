/** The API's answers, as the pages use them. */

export interface VideoStatus {
  status: "pending" | "processing" | "done" | "error";
  qualities: string[];
  filename?: string | null;
  created_at?: string | null;
  /** 0 to 1. */
  progress?: number | null;
  duration_ms?: number | null;
  /** For the uploader: what is wrong with the file. */
  error?: string | null;
  /** For the uploader: what is not quite right with the file. */
  warnings?: string[];
}

export type StatusAnswer =
  { kind: "status"; status: VideoStatus } | { kind: "missing" } | { kind: "unreachable" };

/** Empty where the API serves the pages itself; a build for elsewhere names it in VITE_API_URL. */
const base = (import.meta.env.VITE_API_URL ?? "").replace(/\/+$/, "");

export function apiUrl(path: string): string {
  return `${base}/api/${path}`;
}

export function masterPlaylistUrl(id: string): string {
  return apiUrl(`video/${id}/hls/master.m3u8`);
}

/** Asks for the status. `no-cache` makes the browser revalidate by ETag: unchanged costs a 304. */
export async function fetchStatus(id: string, signal: AbortSignal): Promise<StatusAnswer> {
  try {
    const response = await fetch(apiUrl(`video/${id}/status`), { cache: "no-cache", signal });
    if (response.status === 404) return { kind: "missing" };
    if (!response.ok) return { kind: "unreachable" };
    return { kind: "status", status: (await response.json()) as VideoStatus };
  } catch {
    return { kind: "unreachable" };
  }
}

/** A fresh URL of the original or, once the video is done, of its top rendition. */
export async function fetchPlainUrl(id: string): Promise<string> {
  const response = await fetch(apiUrl(`video/${id}`), { cache: "no-store" });
  if (!response.ok) throw new Error(`the API answered ${response.status}`);
  const answer = (await response.json()) as { url: string };
  return answer.url;
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
