export * from "./abort.js";
export * from "./base.js";
export * from "./kinds.js";
export * from "./suggest.js";
