export * from "./box-form.js";
export * from "./form.js";
export * from "./function-form.js";
export * from "./half-space-form.js";
export * from "./indicator-moment.js";
export * from "./linear-form.js";
export * from "./quadratic-form.js";
