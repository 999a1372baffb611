import { defineConfig } from "vitest/config";

const source = (path: string): string => new URL(path, import.meta.url).pathname;

export default defineConfig({
  resolve: {
    alias: [
      { find: "@diffusiongym/core/testing", replacement: source("packages/core/src/testing/index.ts") },
      { find: "@diffusiongym/core", replacement: source("packages/core/src/index.ts") },
      { find: "@diffusiongym/nn", replacement: source("packages/nn/src/index.ts") },
      { find: "@diffusiongym/methods/testing", replacement: source("packages/methods/src/testing/index.ts") },
      { find: "@diffusiongym/methods", replacement: source("packages/methods/src/index.ts") },
      { find: "@diffusiongym/toy", replacement: source("packages/toy/src/index.ts") },
    ],
  },
  test: {
    include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "tooling/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/*.acceptance.test.ts"],
    testTimeout: 60_000,
  },
});
