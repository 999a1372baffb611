import { playwright } from "@vitest/browser-playwright";
import { mergeConfig } from "vitest/config";
import base from "../../vitest.config.js";
import { findChromium } from "../browser/chromium.mjs";

const chromium = await findChromium();
if (typeof chromium === "string") throw new Error(`There is no browser to test in: ${chromium}.`);

const config = mergeConfig(base, {
  // Tests that run a graph by themselves ask for the runtime of Node: here that of browsers, which is called alike.
  resolve: { alias: [{ find: "onnxruntime-node", replacement: "onnxruntime-web" }] },
  // Named here because a dependency found late makes vite reload the page in the middle of a test.
  optimizeDeps: { include: ["fast-check"] },
  test: {
    // One page for all files: loading the modules and compiling the runtime's Wasm anew for each took longer than the tests.
    isolate: false,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: chromium.executablePath,
          args: ["--no-sandbox"],
          env: { ...process.env, ...chromium.environment },
        },
      }),
      instances: [{ browser: "chromium" }],
    },
  },
});
// Replaced rather than merged, because merging appends: the command and the tooling itself are Node's alone.
config.test.include = ["packages/*/test/**/*.test.ts", "tooling/test/*.test.ts"];
config.test.exclude = [...(base.test?.exclude ?? []), "**/*.node.test.ts"];
export default config;
