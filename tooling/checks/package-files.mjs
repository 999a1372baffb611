// Every package has the same set of files and the same promises in its package.json.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../shell.mjs";
import { packages } from "../workspace.mjs";
import { readmeBlocks } from "./readme-blocks.mjs";

const required = ["README.md", "LICENSE", "CHANGELOG.md", "package.json", "tsconfig.build.json", "src/index.ts"];
const engines = JSON.stringify(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines);
/** @type {string[]} */
const problems = [];

for (const { folder, manifest } of packages) {
  /** @param {unknown} holds @param {string} problem */
  const expect = (holds, problem) => holds || problems.push(`${folder}: ${problem}`);
  /** @param {string} path */
  const read = (path) => (existsSync(join(root, folder, path)) ? readFileSync(join(root, folder, path), "utf8") : "");

  for (const file of required) expect(existsSync(join(root, folder, file)), `${file} is missing`);
  expect(read("LICENSE").startsWith("MIT License"), "LICENSE is not the MIT License");
  expect(
    read("CHANGELOG.md").startsWith(`# ${manifest.name}\n`),
    `CHANGELOG.md does not begin with # ${manifest.name}`,
  );
  expect(
    readmeBlocks(folder).some((block) => block.skipped === undefined),
    "README.md has no runnable ```ts example",
  );

  expect(manifest.type === "module", 'package.json: "type" is not "module"');
  expect(manifest.license === "MIT", 'package.json: "license" is not "MIT"');
  expect(manifest.description?.endsWith("."), 'package.json: "description" is not a sentence');
  expect(JSON.stringify(manifest.engines) === engines, `package.json: "engines" is not the root's ${engines}`);
  expect(manifest.repository?.directory === folder, `package.json: "repository.directory" is not "${folder}"`);
  expect(manifest.publishConfig?.access === "public", 'package.json: "publishConfig.access" is not "public"');
  for (const entry of ["dist", "src", "CHANGELOG.md"]) {
    expect(manifest.files?.includes(entry), `package.json: "files" lacks "${entry}"`);
  }
  expect(!manifest.main && !manifest.types, 'package.json: "exports" is the only way in: no "main", no "types"');
  expect(manifest.exports?.["."], 'package.json: "exports" lacks "."');
  for (const [path, conditions] of Object.entries(manifest.exports ?? {})) {
    if (path === "./package.json") continue;
    expect(
      Object.keys(conditions)[0] === "types",
      `package.json: the first condition of exports["${path}"] is not "types"`,
    );
    expect(Object.keys(conditions).at(-1) === "default", `package.json: exports["${path}"] does not end in "default"`);
  }
  for (const script of ["preinstall", "install", "postinstall", "prepare"]) {
    expect(!manifest.scripts?.[script], `package.json: users would have to run the script "${script}"`);
  }
  if (folder === "packages/core") expect(!manifest.dependencies, "package.json: core has no runtime dependency");

  expect(manifest.sideEffects !== undefined, 'package.json: "sideEffects" is missing');
  const effects = sourcesWithEffects(folder);
  if (manifest.sideEffects === false) {
    expect(effects.length === 0, `package.json: "sideEffects" is false, and importing ${effects.join(", ")} registers`);
  } else if (Array.isArray(manifest.sideEffects)) {
    for (const source of effects) {
      const built = `./dist/${source.replace(/\.ts$/, ".js")}`;
      expect(manifest.sideEffects.includes(built), `package.json: "sideEffects" lacks "${built}", which registers`);
    }
    for (const built of manifest.sideEffects) {
      const source = built.replace(/^\.\/dist\//, "src/").replace(/\.js$/, ".ts");
      expect(existsSync(join(root, folder, source)), `package.json: "sideEffects" names ${built}, which has no source`);
    }
  }
}

for (const problem of problems) console.error(problem);
console.log(`${packages.length} packages, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;

/**
 * Sources that register something as they load: that call, at the top level, a function of another file. What a file
 * does to itself is no side effect, since nobody sees it who does not use the file.
 *
 * @param {string} folder
 */
function sourcesWithEffects(folder) {
  return files(join(root, folder, "src")).filter((path) => {
    const code = readFileSync(join(root, folder, "src", path), "utf8");
    const called = [...code.matchAll(/^(?:await )?(register\w+)\(/gm)].map((match) => match[1]);
    return called.some((name) => !new RegExp(`function ${name}\\b`).test(code));
  });
}

/** @param {string} folder @returns {string[]} paths within it */
function files(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
