export { canonicalJson, encodeCheckpoint, restoreCheckpoint } from "./checkpoint.js";
export { progressLine, type Report, type RunOptions, run, type TrainOptions, train } from "./run.js";
