export * from "./key.js";
export { type RandomState, RandomStream, type Spare } from "./stream.js";
