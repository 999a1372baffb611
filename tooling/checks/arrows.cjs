/**
 * Which way imports may point (dependency-cruiser): the packages' arrows, the rooms' doors, and no cycles.
 *
 *     core <- nn <- methods <- apps     core (<- nn) <- toy | images | molecules <- apps
 */

const modalities = "toy|images|molecules";

/** @param {string} from packages, separated by | @param {string} to the only packages that they may import */
const arrow = (from, to) => ({
  name: `${from} imports only ${to}`,
  comment: "core <- nn <- methods <- apps; core (<- nn) <- toy | images | molecules <- apps",
  severity: "error",
  from: { path: `^packages/(${from})/src/` },
  to: { path: "^(packages|apps|tooling)/", pathNot: [`^packages/(${to})/src/`, "^packages/$1/"] },
});

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    arrow("core", "core"),
    arrow("nn", "core|nn"),
    arrow("methods", "core|nn|methods"),
    arrow(modalities, "core|nn"),
    {
      name: "core and toy run anywhere",
      comment: "They are pure TypeScript, the same in Node and in a browser: no Node module, no dependency.",
      severity: "error",
      from: { path: "^packages/(core|toy)/src/" },
      to: { dependencyTypes: ["core", "npm", "npm-dev", "npm-peer", "npm-optional", "npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "rooms have one door",
      comment: "A folder is imported by others only through its index.ts.",
      severity: "error",
      from: { path: "^((?:packages|apps)/[^/]+/src)/([^/]+)/" },
      to: { path: "^$1/[^/]+/", pathNot: ["^$1/$2/", "^$1/[^/]+/index\\.ts$"] },
    },
    {
      name: "the package's files use the doors too",
      comment: "A folder is imported by others only through its index.ts.",
      severity: "error",
      from: { path: "^((?:packages|apps)/[^/]+/src)/[^/]+\\.ts$" },
      to: { path: "^$1/[^/]+/", pathNot: "^$1/[^/]+/index\\.ts$" },
    },
    {
      name: "packages have one door",
      comment: "A package is imported by name, as its users do.",
      severity: "error",
      from: { path: "^((?:packages|apps)/[^/]+)/src/" },
      to: { path: "^(packages|apps)/[^/]+/src/", pathNot: ["^$1/", "^packages/[^/]+/src/(testing/)?index\\.ts$"] },
    },
    {
      name: "no cycle of files",
      comment: "Imports of types alone are erased, and may go around within a folder.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "no cycle of folders", severity: "error", scope: "folder", from: {}, to: { circular: true } },
    { name: "every import resolves", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "every dependency is declared",
      comment: "It is in the dependencies or peerDependencies of the package's own package.json.",
      severity: "error",
      from: { path: "^(packages|apps)/[^/]+/src/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["npm-peer"] },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["types", "import", "node", "default"] },
  },
};
