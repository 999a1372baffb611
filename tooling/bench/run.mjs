// Runs packages/*/bench/*.mjs on the built packages, one after the other: `pnpm bench`, or `pnpm bench nn mlp` for
// those whose path contains every word.
import { existsSync, readdirSync } from "node:fs";
import { root, shell } from "../shell.mjs";

const words = process.argv.slice(2);
const scripts = readdirSync(`${root}/packages`)
  .map((name) => `packages/${name}/bench`)
  .filter((folder) => existsSync(`${root}/${folder}`))
  .flatMap((folder) => readdirSync(`${root}/${folder}`).map((file) => `${folder}/${file}`))
  .filter((path) => path.endsWith(".mjs") && words.every((word) => path.includes(word)));
if (scripts.length === 0) {
  console.error(words.length ? `No benchmark's path contains ${words.join(" and ")}.` : "There are no benchmarks yet.");
  process.exit(1);
}
const failed = [];
for (const script of scripts) {
  console.log(`\n# ${script}`);
  const { code } = await shell(["node", "--expose-gc", script], { show: true });
  if (code !== 0) failed.push(script);
}
if (failed.length > 0) {
  console.error(`\nFailed: ${failed.join(", ")}`);
  process.exit(1);
}
