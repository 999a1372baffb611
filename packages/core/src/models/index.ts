export * from "./base-model.js";
export * from "./output-type.js";
