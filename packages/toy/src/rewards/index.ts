export * from "./bump-rewards.js";
export * from "./indicator-rewards.js";
export * from "./linear-reward.js";
export * from "./quadratic-reward.js";
export * from "./toy-reward.js";
