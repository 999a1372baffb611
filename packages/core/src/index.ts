export * from "./data/index.js";
export * from "./errors/index.js";
