import { mergeConfig } from "vitest/config";
import base from "../../vitest.config.js";

/** Trained acceptance: minutes a test, run by `pnpm test:acceptance`. */
const config = mergeConfig(base, { test: { testTimeout: 30 * 60_000 } });
config.test.include = ["{packages,apps}/*/test/**/*.acceptance.test.ts"];
config.test.exclude = ["**/node_modules/**", "**/dist/**"];
export default config;
