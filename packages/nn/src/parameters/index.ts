export { initializeParameters } from "./initialize.js";
export { type Layout, requireSameLayout } from "./layout.js";
export { type ParameterShape, Parameters } from "./parameters.js";
