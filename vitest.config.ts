import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// Tests run on the sources, so that a failure points at the line that somebody wrote.
export default defineConfig({
  root: source("."),
  resolve: {
    alias: [
      { find: /^@diffusiongym\/(\w+)$/, replacement: source("packages/$1/src/index.ts") },
      { find: /^@diffusiongym\/(\w+)\/testing$/, replacement: source("packages/$1/src/testing/index.ts") },
    ],
  },
  test: {
    include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "tooling/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/*.acceptance.test.ts"],
    // The default leaves a core to the terminal; on the two cores of a small machine that is half of them.
    maxWorkers: 2,
    // Against hangs only: a busy machine is not a failure.
    testTimeout: 180_000,
  },
});
