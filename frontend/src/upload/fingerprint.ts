/** By what a file is known again. */
export interface Fingerprint {
  name: string;
  size_bytes: number;
  last_modified_ms: number;
  /** A hash of stretches of it. */
  samples: number;
}

const STRETCH_BYTES = 32 << 10;
const STRETCHES = 8;

/** Reads some stretches from the head to the tail; rejects where the file can no longer be read. */
export async function fingerprintOf(file: File): Promise<Fingerprint> {
  // Not by crypto.subtle, which pages without HTTPS do not have; nobody is to be kept from forging it.
  let hash = 0x811c9dc5;
  const last_at = Math.max(0, file.size - STRETCH_BYTES);
  for (let stretch = 0; stretch < STRETCHES; stretch += 1) {
    const at = Math.floor((last_at * stretch) / (STRETCHES - 1));
    const bytes = new Uint8Array(await file.slice(at, at + STRETCH_BYTES).arrayBuffer());
    // FNV-1a.
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return {
    name: file.name,
    size_bytes: file.size,
    last_modified_ms: file.lastModified,
    samples: hash >>> 0,
  };
}

/**
 * Whether both are of the same file. It may have been renamed, or copied with a new date, but not both:
 * what lies between the samples may differ then.
 */
export function isSameFile(one: Fingerprint, other: Fingerprint): boolean {
  return (
    one.size_bytes === other.size_bytes &&
    one.samples === other.samples &&
    (one.name === other.name || one.last_modified_ms === other.last_modified_ms)
  );
}
