export * from "./formats/index.js";
export * from "./graph/index.js";

import "./register.js";
