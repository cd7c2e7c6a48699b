import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";

/** A line to a server that carries so many bytes upstream as it is granted, and can be cut. */
export interface Line {
  /** Such as `http://127.0.0.1:41234`. */
  origin: string;
  /** What it has carried upstream so far. */
  carried_bytes(): number;
  /** Lets so many more bytes pass; where there are more, the line stands still. */
  grant(bytes: number): void;
  /** Resolves when the line stands still because nothing more is granted. */
  stands(): Promise<void>;
  /** Breaks off all connections. New ones can be made. */
  cut(): void;
  close(): Promise<void>;
}

/** Lays a line to a server on this machine. Without a grant it carries anything. */
export async function layLine(to: URL): Promise<Line> {
  let left_bytes = Infinity;
  let carried_bytes = 0;
  let told: () => void = () => {};
  let stands = new Promise<void>((resolve) => (told = resolve));
  const ends = new Set<Socket>();
  /** Who waits for a grant, with what was read already. */
  const waiting = new Map<Socket, () => void>();

  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname);
    for (const end of [client, upstream]) {
      ends.add(end);
      // Whatever ends one side ends the other; why does not matter here.
      end.on("error", () => {});
      end.on("close", () => {
        ends.delete(end);
        waiting.delete(end);
        client.destroy();
        upstream.destroy();
      });
    }
    upstream.pipe(client);
    const pass = (bytes: Buffer) => {
      const now = bytes.subarray(0, left_bytes);
      left_bytes -= now.length;
      carried_bytes += now.length;
      if (now.length > 0 && !upstream.write(now)) {
        client.pause();
        upstream.once("drain", () => !waiting.has(client) && client.resume());
      }
      if (now.length === bytes.length) return;
      client.pause();
      waiting.set(client, () => {
        client.resume();
        pass(bytes.subarray(now.length));
      });
      told();
    };
    client.on("data", pass);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    waiting.clear();
    ends.forEach((end) => end.destroy());
  };
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    carried_bytes: () => carried_bytes,
    grant(bytes) {
      left_bytes = bytes;
      stands = new Promise<void>((resolve) => (told = resolve));
      const now = [...waiting.values()];
      waiting.clear();
      now.forEach((go) => go());
    },
    stands: () => stands,
    cut,
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
