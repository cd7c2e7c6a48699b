import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";

export const BINARY =
  process.env.ASSETLAB ?? join(import.meta.dirname, "../../target/debug/assetlab");

/** A running `assetlab` with a data folder of its own. */
export interface AssetLab {
  /** Such as `http://127.0.0.1:41234`. */
  origin: string;
  /** The link it printed, token and all. */
  link: string;
  token: string;
  /** Halts the worker, which is a child of its own; it goes on when what is returned is called. */
  haltWorker(): Promise<() => void>;
  /** Kills it, and all that it held in memory. */
  kill(): Promise<void>;
  /** Starts it again where it was, after it was killed. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the real program on free ports and waits for the link it prints when it is ready. */
export async function startAssetLab(env: Record<string, string> = {}): Promise<AssetLab> {
  const data = await mkdtemp(join(tmpdir(), "assetlab-e2e-"));
  const start = (onPort: string) =>
    spawn(BINARY, {
      env: {
        ...process.env,
        PORT: onPort,
        S3_PORT: "0",
        DATA_DIR: data,
        RUST_LOG: "warn",
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  };
  let child = start("0");
  let resume = () => {};
  try {
    const { port, token } = await printedLink(child);
    const origin = `http://127.0.0.1:${port}`;
    return {
      origin,
      token,
      link: `${origin}/#token=${token}`,
      async haltWorker() {
        const worker = await onlyChild(child.pid!);
        process.kill(worker, "SIGSTOP");
        resume = () => {
          process.kill(worker, "SIGCONT");
          resume = () => {};
        };
        return () => resume();
      },
      kill: () => end("SIGKILL"),
      async startAgain() {
        child = start(port);
        await printedLink(child);
      },
      async stop() {
        resume();
        await end("SIGTERM");
        await rm(data, { recursive: true, force: true });
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    await rm(data, { recursive: true, force: true });
    throw error;
  }
}

/** The process that this one has started. */
async function onlyChild(pid: number): Promise<number> {
  return vi.waitFor(
    async () => {
      // Whichever of its threads has started it.
      const threads = await readdir(`/proc/${pid}/task`);
      const children = threads.map((id) => readFile(`/proc/${pid}/task/${id}/children`, "utf8"));
      const ids = (await Promise.all(children)).join("").trim();
      expect(ids).toMatch(/^\d+$/);
      return Number(ids);
    },
    { timeout: 60_000, interval: 50 },
  );
}

/** Reads on until the link appears, and then on so that the pipe never fills. */
function printedLink(child: ChildProcess): Promise<{ port: string; token: string }> {
  return new Promise((resolve, reject) => {
    let printed = "";
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      const [, port, token] = /:(\d+)\/#token=(\S+)/.exec(printed) ?? [];
      if (port && token) resolve({ port, token });
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`assetlab ended with ${code}:\n${printed}`)));
  });
}
