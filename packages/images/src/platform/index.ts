export { besideName, errorCode, makeFolder, reasonOf, writeBeside } from "./files.js";
export { type NodeModules, requireNode } from "./node.js";
export { loadSharp, type Sharp } from "./sharp.js";
