// Core and toy, whole, as a browser would download them: minified and gzipped, they stay under the limit.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "../shell.mjs";

const limitKb = 30;

/** @param {string[]} packages folders @returns {Promise<number>} kB (1000 bytes), gzipped */
async function bundledKb(packages) {
  const { outputFiles } = await build({
    stdin: {
      contents: packages.map((name) => `export * as ${name} from "./packages/${name}/dist/index.js";`).join("\n"),
      resolveDir: root,
    },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "silent",
  });
  return gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length / 1000;
}

const [core, both] = [await bundledKb(["core"]), await bundledKb(["core", "toy"])];
console.log(`core ${core.toFixed(1)} kB, core + toy ${both.toFixed(1)} kB gzipped (limit ${limitKb} kB)`);
process.exitCode = both > limitKb ? 1 : 0;
