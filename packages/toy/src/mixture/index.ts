export * from "./by-time.js";
export * from "./cell-masses.js";
export * from "./gaussian-mixture.js";
export * from "./mixture-options.js";
export * from "./noised-mixture.js";
export * from "./path-point.js";
