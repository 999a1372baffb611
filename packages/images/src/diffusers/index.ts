export { type Prediction, readSchedulerConfig, type SchedulerConfig } from "./scheduler-config.js";
export { findUnetFiles, type UnetFiles } from "./unet-files.js";
