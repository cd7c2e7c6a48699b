// Runs in the page: Uppy and its S3 plugin, on the routes of `/api/uploads`.
import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";

/** What the page knows of its upload. */
export const told = {
  id: "",
  /** Numbers of the parts that arrived from this page. */
  arrived: [] as number[],
  /** Numbers of the parts that a URL was asked for. */
  signed: [] as number[],
  /** How often it asked what S3 has. */
  listed: 0,
  outcome: "under way" as "under way" | "complete" | "failed",
};

let uppy: Uppy;

interface Upload {
  id: string;
  key: string;
  part_size: number;
  parts: { number: number; len_bytes: number; etag: string }[];
}

/** Begins to upload a file, or goes on with what another page has begun. */
export async function begin(token: string, file: File, goOnWith?: string): Promise<void> {
  const ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`/api/uploads${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
    return (response.status === 204 ? undefined : await response.json()) as T;
  };
  const upload = await (goOnWith
    ? ask<Upload>("GET", `/${goOnWith}`)
    : ask<Upload>("POST", "", { filename: file.name, len_bytes: file.size }));
  const path = `/${upload.id}`;
  told.id = upload.id;

  uppy = new Uppy().use(AwsS3, {
    // One after another, so that a test knows which part is on its way.
    limit: 1,
    shouldUseMultipart: true,
    getChunkSize: () => upload.part_size,
    createMultipartUpload: () => ({ uploadId: upload.id, key: upload.key }),
    async signPart(_, { partNumber }) {
      told.signed.push(partNumber);
      const { parts } = await ask<{ parts: { url: string }[] }>("POST", `${path}/parts`, {
        numbers: [partNumber],
      });
      return { url: parts[0]!.url };
    },
    async listParts() {
      told.listed += 1;
      const { parts } = await ask<Upload>("GET", path);
      return parts.map(({ number, len_bytes, etag }) => ({
        PartNumber: number,
        Size: len_bytes,
        ETag: etag,
      }));
    },
    async completeMultipartUpload(_, { parts }) {
      await ask("POST", `${path}/complete`, { parts });
      return {};
    },
    abortMultipartUpload: () => ask<void>("DELETE", path),
  });
  uppy.on("s3-multipart:part-uploaded", (_, { PartNumber }) => told.arrived.push(PartNumber));
  const id = uppy.addFile({ name: file.name, data: file });
  if (goOnWith) {
    // As Uppy's plugin that survives a closed page does it; the types keep it to themselves.
    const known: object = { s3Multipart: { uploadId: upload.id, key: upload.key } };
    uppy.setFileState(id, known);
  }
  void uppy.upload().then((result) => {
    told.outcome = result?.failed?.length === 0 ? "complete" : "failed";
  });
}

export function pause(): void {
  uppy.pauseAll();
}

export function goOn(): void {
  uppy.resumeAll();
}
