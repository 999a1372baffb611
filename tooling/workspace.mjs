import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./shell.mjs";

/**
 * @typedef {object} Package
 * @property {string} folder from the repository's root, such as "packages/core"
 * @property {Record<string, any>} manifest its package.json
 */

/** Everything that is published. @type {readonly Package[]} */
export const packages = ["packages", "apps"]
  .flatMap((group) => readdirSync(join(root, group)).map((name) => `${group}/${name}`))
  .filter((folder) => existsSync(join(root, folder, "package.json")))
  .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) }))
  .filter(({ manifest }) => !manifest.private);
