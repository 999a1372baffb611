export { type GraphValueConfiguration, graphValue } from "./graph-value.js";
export { GraphValueNetwork } from "./graph-value-network.js";
