export * from "./exact-tilt.js";
export * from "./exact-value.js";
export * from "./tilted-view.js";
export * from "./value-view.js";
