// Type-checks and runs every ```ts block of every README as written, on the built packages.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, shell } from "../shell.mjs";
import { packages } from "../workspace.mjs";
import { readmeBlocks } from "./readme-blocks.mjs";

const folder = join(root, "tooling", "readme");
const sources = join(folder, "examples");
const outputs = join(folder, "dist");
for (const path of [sources, outputs]) rmSync(path, { recursive: true, force: true });
mkdirSync(sources, { recursive: true });

const blocks = [".", ...packages.map((each) => each.folder)].flatMap(readmeBlocks);
const run = blocks.filter((block) => block.skipped === undefined);
for (const block of run) {
  // Blank lines keep the line numbers of messages those of the README.
  writeFileSync(join(sources, `${fileName(block)}.ts`), `${"\n".repeat(block.line - 1)}${block.code}\n`);
}
for (const block of blocks) if (block.skipped) console.log(`${block.readme}:${block.line}: not run: ${block.skipped}`);

if (run.length === 0) throw new Error("No README has an example to run.");
const compiled = await shell(["tsc", "-p", folder]);
let failed = compiled.code === 0 ? 0 : 1;
if (compiled.code !== 0) console.error(compiled.output);
for (const block of run) {
  const work = join(outputs, "run", fileName(block));
  mkdirSync(work, { recursive: true });
  const { code, output, seconds } = await shell(["node", join(outputs, `${fileName(block)}.js`)], { folder: work });
  console.log(`${block.readme}:${block.line}: ${code === 0 ? "ran" : "FAILED"} in ${seconds.toFixed(1)} s`);
  if (code === 0) continue;
  failed += 1;
  console.error(output);
}
console.log(`${run.length} examples, ${failed} problems`);
process.exitCode = failed > 0 ? 1 : 0;

/** @param {import("./readme-blocks.mjs").Block} block */
function fileName({ readme, line }) {
  return `${readme.replaceAll(/[^\w]+/g, "-")}-line-${line}`;
}
