export { main } from "./main.js";
export { exitCodes, type Io, type TextStream } from "./terminal/index.js";
