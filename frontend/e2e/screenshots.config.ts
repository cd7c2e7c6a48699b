import { mergeConfig } from "vitest/config";
import e2e from "./vitest.config";

/** Not a test: draws the pictures of the README and of every state, to be looked at. */
export default mergeConfig(e2e, { test: { include: ["screenshots.ts"] } });
