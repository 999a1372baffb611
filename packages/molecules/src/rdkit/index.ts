export { loadRdkit, RdkitHost } from "./host.js";
export { configureRdkit, importRdkit, type RdkitFactory, type RdkitSettings } from "./load-module.js";
export type { RdkitScope, ReadOptions } from "./scope.js";
export type { RdkitMolecule } from "./types.js";
