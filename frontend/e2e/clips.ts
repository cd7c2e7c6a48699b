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
  /** A picture that tells the second: see {@link CLOCK}. */
  clock(seconds: number): Promise<string>;
  /** Black and silent, but for a white frame and a beep together every {@link FLASH_EVERY_S}. */
  flashAndBeep(seconds: number): Promise<string>;
  remove(): Promise<void>;
}

export const FLASH_EVERY_S = 1;

/** How `clock` writes the second: its digits to the base, left and right, as steps of grey. */
export const CLOCK = { base: 18, black: 24, step: 11 } as const;

export async function makeClips(): Promise<Clips> {
  const folder = await mkdtemp(join(tmpdir(), "assetlab-clips-"));
  const draw = async (name: string, picture: string, tone: string): Promise<string> => {
    const file = join(folder, name);
    const video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
    await run("ffmpeg", [
      ...["-loglevel", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone],
      ...[...video, "-c:a", "aac", "-ac", "2", file],
    ]);
    return file;
  };
  const tone = (seconds: number) => `sine=frequency=440:sample_rate=48000:duration=${seconds}`;
  return {
    folder,
    pattern1080p(seconds) {
      const picture = `testsrc2=size=1920x1080:rate=24:duration=${seconds}`;
      return draw(`pattern-${seconds}s.mp4`, picture, tone(seconds));
    },
    clock(seconds) {
      const { base, black, step } = CLOCK;
      const digit = `if(lt(X,W/2),floor(T/${base}),mod(floor(T),${base}))`;
      const grey = `geq=lum='${black}+${step}*${digit}':cb=128:cr=128`;
      const size = "scale=640:360:flags=neighbor,format=yuv420p";
      const picture = `color=size=16x8:rate=25:duration=${seconds},format=yuv444p,${grey},${size}`;
      return draw(`clock-${seconds}s.mp4`, picture, tone(seconds));
    },
    flashAndBeep(seconds) {
      const now = `lt(mod(t,${FLASH_EVERY_S}),0.1)`;
      const flash = `drawbox=color=white:thickness=fill:enable='${now}'`;
      const picture = `color=black:size=640x360:rate=25:duration=${seconds},${flash}`;
      const beep = `aevalsrc=exprs='0.5*sin(2*PI*1000*t)*${now}':s=48000:d=${seconds}`;
      return draw(`flash-${seconds}s.mp4`, picture, beep);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
