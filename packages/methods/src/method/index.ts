export * from "./errors.js";
export * from "./method.js";
export * from "./named-arrays.js";
