import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../shell.mjs";

/**
 * @typedef {object} Block an example of a README: one ```ts block
 * @property {string} readme its path from the repository's root
 * @property {number} line where its first line of code is, from 1
 * @property {string} code
 * @property {string | undefined} skipped why it is not run, where the line above it says so: <!-- not run: reason -->
 */

/**
 * The examples of a folder's README, in order. Each stands alone: it is run as a file of its own.
 *
 * @param {string} folder from the repository's root
 * @returns {Block[]}
 */
export function readmeBlocks(folder) {
  const readme = join(folder, "README.md");
  if (!existsSync(join(root, readme))) return [];
  const lines = readFileSync(join(root, readme), "utf8").split("\n");
  /** @type {Block[]} */
  const blocks = [];
  for (let i = 0; i < lines.length; i++) {
    if (!/^```(ts|typescript)\b/.test(lines[i] ?? "")) continue;
    const end = lines.indexOf("```", i);
    if (end < 0) throw new Error(`${readme}:${i + 1}: this block is never closed.`);
    const marker = lines.slice(0, i).findLast((line) => line.trim() !== "");
    const skipped = marker?.match(/^<!-- not run: (.+) -->$/)?.[1];
    blocks.push({ readme, line: i + 2, code: lines.slice(i + 1, end).join("\n"), skipped });
    i = end;
  }
  return blocks;
}
