import { Upload, type HttpRequest, type HttpResponse } from "tus-js-client";
import { apiUrl, bearer } from "../lib/api";
import type { Failure } from "./upload-problem";

/** What the server says of an upload that it has. */
export interface Stored {
  /** Absolute; it ends with the video's id. */
  url: string;
  offset_bytes: number;
  /** When the server gives it up unless more comes; null once it is complete. */
  expires_at_ms: number | null;
}

export interface Sending {
  file: File;
  token: string;
  /** Of the upload to go on with; null begins one. */
  url: string | null;
  onstored: (stored: Stored) => void;
  /** So much has left this machine. */
  onsent: (sent_bytes: number) => void;
  onend: () => void;
  onfailure: (failure: Failure) => void;
}

/** So much tells the server whether it is a video. */
const HEAD_BYTES = 64 << 10;
export const LOOKED_AT_BYTES = 4096;
/**
 * Proxies limit how large a request may be; and of one whose line breaks, browsers may send all once more.
 * Its end is one of the parts that the server stores.
 */
const REQUEST_BYTES = 16 << 20;

/** The protocol asks for an absolute one. */
export const endpoint = (): string => new URL(apiUrl("tus"), location.href).href;

/** The id of the video that an upload becomes. */
export function idOf(url: string): string {
  return new URL(url).pathname.split("/").at(-1)!;
}

/**
 * Sends a file until it is there, or something is in the way. Trying again is the caller's: the library
 * knows no Retry-After, and begins anew where it should ask for a token. What is returned stops it; what
 * was stored stays.
 */
export function send({ file, token, url, ...on }: Sending): () => void {
  const upload: Upload = new Upload(file, {
    ...(url === null ? { endpoint: endpoint() } : { uploadUrl: url }),
    headers: bearer(token),
    metadata: { filename: file.name, ...(file.type && { filetype: file.type }) },
    // The first bytes come with the creation, and are looked at before more is sent.
    uploadDataDuringCreation: true,
    chunkSize: HEAD_BYTES,
    retryDelays: null,
    storeFingerprintForResuming: false,
    onAfterResponse(request, response) {
      const stored = storedOf(request, response);
      if (!stored) return;
      if (stored.offset_bytes >= LOOKED_AT_BYTES) {
        upload.options.chunkSize = REQUEST_BYTES - (stored.offset_bytes % REQUEST_BYTES);
      }
      on.onstored(stored);
    },
    onProgress: (sent_bytes) => on.onsent(sent_bytes),
    onSuccess: () => on.onend(),
    onError: (error) => on.onfailure(failureOf(error)),
  });
  upload.start();
  return () => void upload.abort();
}

function storedOf(request: HttpRequest, response: HttpResponse): Stored | null {
  const status = response.getStatus();
  const offset = response.getHeader("Upload-Offset");
  if (status < 200 || status > 299 || !offset) return null;
  const location = status === 201 ? response.getHeader("Location") : "";
  const expires_at_ms = Date.parse(response.getHeader("Upload-Expires") ?? "");
  return {
    url: new URL(location ?? "", request.getURL()).href,
    offset_bytes: Number(offset),
    expires_at_ms: Number.isNaN(expires_at_ms) ? null : expires_at_ms,
  };
}

function failureOf(error: Error): Failure {
  const response = "originalResponse" in error ? (error.originalResponse as HttpResponse) : null;
  const retry_after_s = Number(response?.getHeader("Retry-After"));
  return {
    status: response?.getStatus() ?? 0,
    body: response?.getBody() ?? "",
    retry_after_s: retry_after_s > 0 ? retry_after_s : null,
  };
}

/** Has the server forget an upload. One that cannot be told so expires there by itself. */
export async function terminate(url: string, token: string): Promise<void> {
  const retryDelays = [0, 1000, 3000, 5000];
  await Upload.terminate(url, { headers: bearer(token), retryDelays }).catch(() => undefined);
}

/** The largest file that the server takes; null where it does not say. */
export async function largestUpload(): Promise<number | null> {
  try {
    const answer = await fetch(endpoint(), { method: "OPTIONS" });
    return Number(answer.headers.get("Tus-Max-Size")) || null;
  } catch {
    return null;
  }
}
