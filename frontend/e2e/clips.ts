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
  /** Small pictures of noise, which no encoder makes much smaller: half a megabit a second and more. */
  noisy(seconds: number): Promise<string>;
  /** A moving pattern without sound. */
  silent(seconds: number): Promise<string>;
  /** As a browser's recorder writes it: it does not tell its length. */
  recorded(seconds: number): Promise<string>;
  /** A picture that tells the second: see {@link CLOCK}. */
  clock(seconds: number): Promise<string>;
  /** Each picture tells its number: see {@link COUNTER}. Its own video can be the top rung. */
  counter(seconds: number): Promise<string>;
  /** Black and silent, but for a flash and a beep that begin together, about once a second. */
  flashAndBeep(seconds: number, shape?: Shape): Promise<string>;
  remove(): Promise<void>;
}

/** What is unusual about a clip. */
export interface Shape {
  /** Pictures a second, as a fraction; 25 unless said. */
  rate?: string;
  /** A screen recording: pictures come at odd times, and stay away for seconds. */
  freezes?: boolean;
  /** The sound begins so late. */
  soundFrom_s?: number;
}

/** How `clock` writes the second: its digits to the base, left and right, as steps of grey. */
export const CLOCK = { base: 18, black: 24, step: 11 } as const;

/**
 * How `counter` writes a picture's number below a moving pattern: its digits to the base, side by
 * side, as steps of grey.
 */
export const COUNTER = { fps: 25, digits: 3, base: 8, black: 24, step: 27 } as const;

/** Closed groups of two seconds with B-frames, as cameras and exports write them. */
const COPYABLE = [
  ...["-preset", "veryfast", "-crf", "28", "-maxrate", "600k", "-bufsize", "300k"],
  ...["-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-bf", "2"],
  ...["-color_range", "tv", "-colorspace", "bt709"],
  ...["-color_primaries", "bt709", "-color_trc", "bt709"],
];

export async function makeClips(): Promise<Clips> {
  const folder = await mkdtemp(join(tmpdir(), "assetlab-clips-"));
  const draw = async (
    name: string,
    picture: string,
    tone: string,
    toneFrom_s = 0,
    encoding: string[] = [],
  ): Promise<string> => {
    const file = join(folder, name);
    const video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
    await run("ffmpeg", [
      ...["-loglevel", "error", "-f", "lavfi", "-i", picture],
      ...["-itsoffset", `${toneFrom_s}`, "-f", "lavfi", "-i", tone],
      ...["-vsync", "vfr", ...video, "-c:a", "aac", "-ac", "2", ...encoding, file],
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
    noisy(seconds) {
      const picture = `color=size=640x360:rate=10:duration=${seconds},noise=alls=40:allf=t`;
      const rate = ["-b:v", "900k", "-maxrate", "900k", "-bufsize", "900k", "-g", "20"];
      return draw(`noisy-${seconds}s.mp4`, picture, tone(seconds), 0, [
        ...rate,
        "-movflags",
        "+faststart",
      ]);
    },
    async silent(seconds) {
      const file = join(folder, `silent-${seconds}s.mp4`);
      const picture = `testsrc2=size=640x360:rate=10:duration=${seconds}`;
      await run("ffmpeg", [
        ...["-loglevel", "error", "-f", "lavfi", "-i", picture],
        ...["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", file],
      ]);
      return file;
    },
    async recorded(seconds) {
      const file = join(folder, `recorded-${seconds}s.webm`);
      const picture = `testsrc2=size=320x180:rate=10:duration=${seconds}`;
      await run("ffmpeg", [
        ...["-loglevel", "error", "-f", "lavfi", "-i", picture],
        ...["-c:v", "libvpx", "-deadline", "realtime", "-live", "1", "-seekable", "0", file],
      ]);
      return file;
    },
    clock(seconds) {
      const { base, black, step } = CLOCK;
      const digit = `if(lt(X,W/2),floor(T/${base}),mod(floor(T),${base}))`;
      const grey = `geq=lum='${black}+${step}*${digit}':cb=128:cr=128`;
      const size = "scale=640:360:flags=neighbor,format=yuv420p";
      const picture = `color=size=16x8:rate=25:duration=${seconds},format=yuv444p,${grey},${size}`;
      return draw(`clock-${seconds}s.mp4`, picture, tone(seconds));
    },
    counter(seconds) {
      const { fps, digits, base, black, step } = COUNTER;
      const time = `rate=${fps}:duration=${seconds}`;
      const digit = `mod(floor(N/pow(${base},${digits - 1}-floor(X/8))),${base})`;
      const grey = `geq=lum='${black}+${step}*${digit}':cb=128:cr=128`;
      const size = "scale=640:120:flags=neighbor,format=yuv420p";
      const strip = `color=size=${8 * digits}x8:${time},format=yuv444p,${grey},${size}`;
      const picture = `testsrc2=size=640x240:${time}[a];${strip}[b];[a][b]vstack`;
      return draw(`counter-${seconds}s.mp4`, picture, tone(seconds), 0, COPYABLE);
    },
    flashAndBeep(seconds, { rate = "25", freezes = false, soundFrom_s = 0 } = {}) {
      const [num, den = 1] = rate.split("/").map(Number) as [number, number?];
      const frames = Math.round(num / den);
      const every_s = freezes ? 1 : (frames * den) / num;
      const lit = (t: string) => `lt(mod(${t},${every_s}),0.1)`;
      // Of a thousand pictures a second, about thirty and each flash's first; then 1.5, 1.7 and
      // 4.5 s without any.
      const frozen = "between(mod(t,17),3.2,4.7)+between(mod(t,17),6.3,7.9995)";
      const seldom = "gte(t-prev_selected_t,0.0331)+lt(mod(t,1),0.0005)+isnan(prev_selected_t)";
      const pictures = freezes
        ? `rate=1000,select='(${seldom})*not(${frozen}+between(mod(t,17),10.05,14.5))'`
        : `rate=${rate}`;
      const white = freezes ? lit("t") : `lt(mod(n,${frames}),${frames / 10})`;
      const flash = `drawbox=color=white:thickness=fill:enable='${white}'`;
      const black = `color=black:size=640x360:duration=${seconds}`;
      const beep = `0.5*sin(2*PI*1000*t)*${lit(`t+${soundFrom_s}`)}`;
      const name = `flash-${num}-${seconds}s-${freezes}-${soundFrom_s}.mp4`;
      return draw(
        name,
        `${black}:${pictures},${flash}`,
        `aevalsrc=exprs='${beep}':s=48000:d=${seconds - soundFrom_s}`,
        soundFrom_s,
      );
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
