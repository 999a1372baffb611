import "./register.js";

export {
  type Clip,
  type ClipFileOptions,
  ClipImageScorer,
  type ClipLoadingOptions,
  type ClipSourceOptions,
  ClipTextEmbedder,
  loadClip,
} from "./clip/index.js";
export { type Prediction, readSchedulerConfig, type SchedulerConfig } from "./diffusers/index.js";
export * from "./dit/index.js";
export * from "./hub/index.js";
export * from "./pictures/index.js";
export * from "./pixel-models/index.js";
export type { GridOptions } from "./pixels/index.js";
export * from "./rewards/index.js";
export * from "./scenes/index.js";
