export * from "./data/index.js";
export * from "./errors/index.js";
export * from "./random/index.js";
