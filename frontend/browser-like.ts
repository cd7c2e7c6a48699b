import type { Environment } from "vitest/runtime";

/** Node for the unit tests, but with modules compiled as for a browser: Svelte's states react. */
export default {
  name: "browser-like",
  viteEnvironment: "client",
  setup: () => ({ teardown() {} }),
} satisfies Environment;
