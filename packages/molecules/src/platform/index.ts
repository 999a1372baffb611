export { type NodeModules, requireNode } from "./node.js";
