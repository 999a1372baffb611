export * from "./policy.js";
export * from "./value-policy.js";
