import e2e from "./vitest.config";

/** Not a test: draws the pictures of the README and of every state, to be looked at. */
export default { ...e2e, test: { ...e2e.test, include: ["screenshots/*.shots.ts"] } };
