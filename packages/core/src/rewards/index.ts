export * from "./combinators.js";
export * from "./reward.js";
