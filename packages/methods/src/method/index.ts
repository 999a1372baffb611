export * from "./errors.js";
export * from "./method.js";
