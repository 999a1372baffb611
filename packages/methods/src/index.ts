export * from "./loop/index.js";
export * from "./method/index.js";
export * from "./monitoring/index.js";
export * from "./storage/index.js";
export * from "./value-matching/index.js";
