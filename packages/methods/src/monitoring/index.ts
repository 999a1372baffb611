export * from "./abort-rules.js";
export * from "./statistics.js";
