export { columnsOf, exitCodeRows, exitCodes, type Io, ignoreClosedPipes, processIo, type TextStream } from "./io.js";
export { duration, Progress, type ProgressOptions } from "./progress.js";
export { type Style, styleFor } from "./style.js";
