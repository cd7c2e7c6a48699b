import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BINARY = process.env.ASSETLAB ?? join(import.meta.dirname, "../../target/debug/assetlab");

/** A running `assetlab` with a data folder of its own. */
export interface AssetLab {
  /** Such as `http://127.0.0.1:41234`. */
  origin: string;
  port: number;
  /** The link it printed, token and all. */
  link: string;
  token: string;
  stop(): Promise<void>;
}

/** Starts the real program on free ports and waits for the link it prints when it is ready. */
export async function startAssetLab(env: Record<string, string> = {}): Promise<AssetLab> {
  const data = await mkdtemp(join(tmpdir(), "assetlab-e2e-"));
  const [port, s3Port] = [await freePort(), await freePort()];
  const child = spawn(BINARY, {
    env: {
      ...process.env,
      PORT: String(port),
      S3_PORT: String(s3Port),
      DATA_DIR: data,
      RUST_LOG: "warn",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    const token = await printedToken(child);
    const origin = `http://127.0.0.1:${port}`;
    return {
      origin,
      port,
      token,
      link: `${origin}/#token=${token}`,
      async stop() {
        if (child.exitCode === null && child.signalCode === null) {
          child.kill("SIGTERM");
          await once(child, "exit");
        }
        await rm(data, { recursive: true, force: true });
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    await rm(data, { recursive: true, force: true });
    throw error;
  }
}

/** Reads on until the link appears, and then on so that the pipe never fills. */
function printedToken(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = "";
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      const token = /#token=(\S+)/.exec(printed)?.[1];
      if (token) resolve(token);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`assetlab ended with ${code}:\n${printed}`)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
