import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("is what openapi.json says: `make openapi` renews both", async () => {
  await expect(promisify(execFile)("npm", ["run", "types", "--", "--check"])).resolves.toBeTruthy();
});
