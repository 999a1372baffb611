export { type AdaptedGraph, addLora, type LoraAdapter, type LoraOptions } from "./adapter.js";
export { type MergedGraph, mergeLora } from "./merge.js";
export { type LoraModule, loraNames } from "./module.js";
export type { LoraTargets } from "./patterns.js";
export { fromPeft, type PeftConfig, type PeftFiles, toPeft } from "./peft.js";
