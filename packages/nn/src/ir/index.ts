export * from "./attributes.js";
export * from "./constants.js";
export * from "./freeze.js";
export * from "./names.js";
export * from "./transform.js";
export * from "./traverse.js";
export * from "./types.js";
export * from "./validate.js";
