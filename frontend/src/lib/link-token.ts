/** What the token of a one-time upload link says of itself. Whether it still counts, the server knows. */
export interface UploadLink {
  /** Of the video that will be uploaded with it. */
  id: string;
  max_bytes: number;
  /** Until then the upload must have begun. */
  expires_at_ms: number;
}

/** Version, id, most bytes, end in seconds, signature: as `api/src/link_token.rs` writes them. */
const LEN_BYTES = 1 + 16 + 8 + 8 + 32;

/** Reads the token of a link; null for any other token. */
export function linkOf(token: string): UploadLink | null {
  const bytes = decoded(token);
  // Ids are UUIDs of version 7: no random token begins so.
  if (bytes?.length !== LEN_BYTES || bytes[0] !== 1 || bytes[7]! >> 4 !== 7) return null;
  const view = new DataView(bytes.buffer);
  const hex = [...bytes.subarray(1, 17)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    id: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
    max_bytes: Number(view.getBigUint64(17)),
    expires_at_ms: Number(view.getBigUint64(25)) * 1000,
  };
}

function decoded(base64url: string): Uint8Array<ArrayBuffer> | null {
  try {
    const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
