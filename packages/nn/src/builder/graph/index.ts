export { GraphBuilder, type GraphValue, type NetworkDefinition } from "./graph-builder.js";
export { kaimingUniform, normal, ones, uniform, xavierUniform, zeros } from "./initializations.js";
