// Installs the tarballs of core and toy with npm into an empty folder, and runs the quickstart and the first example of their
// READMEs there.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { shell } from "../shell.mjs";
import { readmeBlocks } from "./readme-blocks.mjs";
import { tarball } from "./tarballs.mjs";

const folder = mkdtempSync(join(tmpdir(), "diffusiongym-pack-"));
try {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const tarballs = ["@diffusiongym/core", "@diffusiongym/toy"].map(tarball);
  await must(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", ...tarballs]);
  for (const source of [".", "packages/core", "packages/toy"]) {
    const block = readmeBlocks(source).find(({ skipped }) => skipped === undefined);
    if (!block) throw new Error(`${source}/README.md has no example to run.`);
    const module = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    writeFileSync(join(folder, "example.js"), ts.transpileModule(block.code, { compilerOptions: module }).outputText);
    const { seconds } = await must(["node", "example.js"]);
    console.log(`${block.readme}:${block.line} ran in an empty folder in ${seconds.toFixed(1)} s`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @param {string[]} command */
async function must(command) {
  const outcome = await shell(command, { folder });
  if (outcome.code !== 0) throw new Error(`${command.join(" ")} failed:\n${outcome.output}`);
  return outcome;
}
