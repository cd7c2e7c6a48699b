import e2e from "./vitest.config";

/** Not a test: measures how soon a video plays, and prints it. */
export default { ...e2e, test: { ...e2e.test, include: ["startup.ts"] } };
