import "./register.js";

export * from "./diagnostics/index.js";
export * from "./forms/index.js";
export * from "./mixture/index.js";
export * from "./model/index.js";
export * from "./rewards/index.js";
export * from "./tilt/index.js";
