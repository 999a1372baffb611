export * from "./key.js";
export type { RandomState, Spare } from "./state.js";
export * from "./stream.js";
