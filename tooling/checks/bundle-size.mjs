// Core and toy with everything they export, as a browser would download them: minified and gzipped, under the limit.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "../shell.mjs";

const limitKb = 30;

/** @param {string} contents of a page's script @returns {Promise<number>} kB (1000 bytes), gzipped */
async function bundledKb(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: `${root}/tooling/readme` },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    // Not the repository's tsconfig.json, whose paths lead to the sources.
    tsconfigRaw: "{}",
    write: false,
    logLevel: "silent",
  });
  return gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length / 1000;
}

const all = await bundledKb('export * as core from "@diffusiongym/core"; export * as toy from "@diffusiongym/toy";');
const used = await bundledKb('export { make } from "@diffusiongym/core"; import "@diffusiongym/toy";');
console.log(
  `core + toy ${all.toFixed(1)} kB gzipped (limit ${limitKb} kB); ` +
    `${used.toFixed(1)} kB for a page that only makes and samples`,
);
process.exitCode = all > limitKb ? 1 : 0;
