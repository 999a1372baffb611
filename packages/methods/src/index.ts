export * from "./loop/index.js";
export type * from "./method/index.js";
export { CheckpointError, RequirementError, StorageError, TrainingAbortedError } from "./method/index.js";
export * from "./monitoring/index.js";
export * from "./pretraining/index.js";
export * from "./storage/index.js";
export * from "./value-matching/index.js";
