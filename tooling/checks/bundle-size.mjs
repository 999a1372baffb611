// Core and toy as a browser downloads them, minified and gzipped. The limit holds for the page of the front page's quickstart,
// which makes any registered environment and samples from it; what a bundler drops there (exact answers, diagnostics, the data
// types that are not used) is printed beside it, because a page that uses everything is larger.
import { relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "../shell.mjs";

const limitKb = 30;

/**
 * What a page downloads to begin with: the entry and what it imports at once, not what it may import later on demand.
 *
 * @param {string} contents of the page's script
 * @returns {Promise<number>} kB (1000 bytes), gzipped
 */
async function bundledKb(contents) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: `${root}/tooling/readme` },
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    outdir: root,
    // Not the repository's tsconfig.json, whose paths lead to the sources.
    tsconfigRaw: "{}",
    // Optional, and imported on demand.
    external: ["@diffusiongym/nn"],
    metafile: true,
    write: false,
    absWorkingDir: root,
    logLevel: "silent",
  });
  const entry = Object.keys(metafile.outputs).find((path) => metafile.outputs[path]?.entryPoint) ?? "";
  const chunks = new Set([entry]);
  for (const chunk of chunks) {
    for (const { path, kind, external } of metafile.outputs[chunk]?.imports ?? []) {
      if (kind !== "import-statement") continue;
      if (external) throw new Error(`${path} is imported at once, and must not be.`);
      chunks.add(path);
    }
  }
  const downloaded = outputFiles.filter(({ path }) => chunks.has(relative(root, path)));
  return downloaded.reduce((total, { contents: code }) => total + gzipSync(code, { level: 9 }).length, 0) / 1000;
}

const all = await bundledKb('export * as core from "@diffusiongym/core"; export * as toy from "@diffusiongym/toy";');
const used = await bundledKb('export { make } from "@diffusiongym/core"; import "@diffusiongym/toy";');
console.log(
  `core + toy ${used.toFixed(1)} kB gzipped for a page that makes and samples (limit ${limitKb} kB); ` +
    `${all.toFixed(1)} kB with everything they export`,
);
process.exitCode = used > limitKb ? 1 : 0;
