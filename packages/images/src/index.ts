import "./register.js";

export * from "./hub/index.js";
export * from "./pictures/index.js";
export type { GridOptions } from "./pixels/index.js";
export * from "./rewards/index.js";
