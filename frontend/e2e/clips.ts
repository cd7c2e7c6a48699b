import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** A real camera: 720p, 7.5 s. */
export const BUTTERFLY = join(import.meta.dirname, "../../fixtures/butterfly_720p2997_7s.mp4");

const run = promisify(execFile);

export interface Clips {
  folder: string;
  /** A moving test pattern of 1080p with a tone; yields all three rungs. */
  pattern1080p(seconds: number): Promise<string>;
  remove(): Promise<void>;
}

export async function makeClips(): Promise<Clips> {
  const folder = await mkdtemp(join(tmpdir(), "assetlab-clips-"));
  return {
    folder,
    async pattern1080p(seconds) {
      const file = join(folder, `pattern-${seconds}s.mp4`);
      const picture = `testsrc2=size=1920x1080:rate=24:duration=${seconds}`;
      const tone = `sine=frequency=440:sample_rate=48000:duration=${seconds}`;
      const video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
      await run("ffmpeg", [
        ...["-loglevel", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone],
        ...[...video, "-c:a", "aac", "-ac", "2", file],
      ]);
      return file;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
