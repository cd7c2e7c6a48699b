import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BINARY } from "./assetlab";
import { layLine, type Line } from "./line";

const TOKEN = "a token for tests";

/** `assetlab s3` and `assetlab-api` as processes of their own, and a worker once it is wanted. */
export interface SeparateProcesses {
  /** The API's; the S3 has another. */
  origin: string;
  token: string;
  /** The browsers' line to the S3. */
  line: Line;
  startWorker(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts S3 and API as the README says, the buckets set up for pages of the API's origin. */
export async function startSeparately(): Promise<SeparateProcesses> {
  const data = await mkdtemp(join(tmpdir(), "assetlab-e2e-"));
  const children: ChildProcess[] = [];
  const lines: Line[] = [];
  const stop = async () => {
    for (const child of children.reverse()) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
    }
    await Promise.all(lines.map((line) => line.close()));
    await rm(data, { recursive: true, force: true });
  };
  const run = (program: string, args: string[], env: Record<string, string>): ChildProcess => {
    const child = spawn(join(dirname(BINARY), program), args, {
      env: { PATH: process.env.PATH, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    return child;
  };
  try {
    const s3 = run("assetlab", ["s3"], { DATA_DIR: data, S3_PORT: "0" });
    const endpoint = await said(s3, /AWS_ENDPOINT_URL_S3=(\S+)/);
    const line = await layLine(new URL(endpoint));
    lines.push(line);
    const keys = (await readFile(join(data, "s3-keys"), "utf8")).matchAll(/^(\w+)=(.+)$/gm);
    const env = {
      ...Object.fromEntries([...keys].map(([, name, value]) => [name, value])),
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: "us-east-1",
      S3_RAW_BUCKET: "assetlab-raw",
      S3_VIDEO_BUCKET: "assetlab-video",
    };
    const api = run("assetlab-api", [], {
      ...env,
      ADMIN_TOKEN: TOKEN,
      PORT: "0",
      FRONTEND_DIR: join(import.meta.dirname, "../dist"),
      S3_PUBLIC_ENDPOINT: line.origin,
    });
    const origin = await said(api, /listening on (\S+)/);
    const setUp = run("assetlab", ["setup-buckets"], { ...env, CORS_ORIGINS: origin });
    await said(setUp, /assetlab-video: pages of (\S+)/);
    return {
      origin,
      token: TOKEN,
      line,
      async startWorker() {
        const worker = run("assetlab-worker", [], { ...env, METRICS_ADDRESS: "127.0.0.1:0" });
        await said(worker, /(metrics)/);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until a process says this, and reads on so that its pipes never fill. */
function said(child: ChildProcess, words: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = "";
    const read = (chunk: Buffer) => {
      all += chunk.toString();
      const found = words.exec(all)?.[1];
      if (found) resolve(found);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`it ended with ${code}:\n${all}`)));
  });
}
