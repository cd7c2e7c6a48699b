import { flushSync } from "svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { StatusPoll } from "./status-poll.svelte";

let answers: Response[];
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  const page = Object.assign(new EventTarget(), { hidden: false, setTimeout, clearTimeout });
  vi.stubGlobal("window", page);
  vi.stubGlobal("document", page);
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => answers.shift() ?? Response.error()),
  );
});

afterEach(() => {
  stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const status = (state: string) => Response.json({ status: state, qualities: [] });

function start(): StatusPoll {
  const poll = new StatusPoll("id");
  stop = $effect.root(() => {
    $effect(() => poll.start());
  });
  flushSync();
  return poll;
}

/** Lets time pass, and with it whatever an answer sets off. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  flushSync();
}

it("asks once a second, whatever the answers change", async () => {
  answers = [status("pending"), status("processing"), status("processing"), status("done")];
  const poll = start();
  await pass(0);
  await pass(500);
  expect(fetch).toHaveBeenCalledTimes(1);
  expect(poll.view.phase).toBe("pending");
  await pass(500);
  expect(fetch).toHaveBeenCalledTimes(2);
  await pass(2_000);
  expect(poll.view.phase).toBe("done");
  await pass(60_000);
  expect(fetch, "nothing is left to ask").toHaveBeenCalledTimes(4);
});

it("asks at once when the network is back", async () => {
  answers = [status("processing"), Response.error(), status("done")];
  const poll = start();
  await pass(1_000);
  expect(poll.view).toMatchObject({ phase: "processing", reachable: false });
  window.dispatchEvent(new Event("online"));
  await pass(0);
  expect(poll.view).toMatchObject({ phase: "done", reachable: true });
});

it("ends with its page", async () => {
  answers = [status("processing"), status("processing")];
  start();
  await pass(0);
  stop();
  await pass(60_000);
  expect(fetch).toHaveBeenCalledTimes(1);
});
