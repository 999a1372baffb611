export * from "./errors.js";
export * from "./fingerprint.js";
export * from "./identity.js";
export * from "./method.js";
export * from "./named-arrays.js";
export * from "./one-of.js";
