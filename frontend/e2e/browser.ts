import { mkdtemp, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  chromium,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from "playwright-core";

/** Debian's Chromium, or another one. */
const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** No sandbox, because CI runs as root in a container; nothing that speaks to the network by itself. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--mute-audio",
  // A host that browsers do not trust, as they do this machine's own addresses: http://plain.test:41234.
  "--host-resolver-rules=MAP plain.test 127.0.0.1",
];

export interface TestBrowser {
  context: BrowserContext;
  page: Page;
  /** What the pages complained of: console errors and requests that failed. */
  complaints: string[];
  /** Kills it, and opens another one with what is left of its profile. */
  killAndReopen(): Promise<TestBrowser>;
  close(): Promise<void>;
}

/** A browser, with a fresh profile unless there is one, and a page that remembers what went wrong in it. */
export async function openBrowser(
  options: BrowserContextOptions = {},
  usedProfile?: string,
): Promise<TestBrowser> {
  const profile = usedProfile ?? (await mkdtemp(join(tmpdir(), "assetlab-chromium-")));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE,
    args: FLAGS,
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  const complaints: string[] = [];
  context.on("weberror", (error) => complaints.push(`uncaught: ${error.error().message}`));
  context.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()}`);
  });
  context.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${pathOf(response.url())}`);
  });
  context.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "failed";
    // The player gives up a request of its own when the quality or the source changes.
    if (reason !== "net::ERR_ABORTED") complaints.push(`${reason} ${pathOf(request.url())}`);
  });
  const page = context.pages()[0] ?? (await context.newPage());
  return {
    context,
    page,
    complaints,
    async killAndReopen() {
      // It names the host and the process that holds the profile.
      const lock = await readlink(join(profile, "SingletonLock"));
      const closed = new Promise((resolve) => context.once("close", resolve));
      process.kill(Number(lock.split("-").at(-1)), "SIGKILL");
      await closed;
      return openBrowser(options, profile);
    },
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** Without the signature. */
function pathOf(url: string): string {
  return new URL(url).pathname;
}
