export * from "./graph/index.js";

import "./register.js";
