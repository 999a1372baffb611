import "./register.js";

export * from "./autoencoder/index.js";
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
export * from "./guidance/index.js";
export * from "./hub/index.js";
export * from "./onnx-folder/index.js";
export * from "./pictures/index.js";
export * from "./pixel-models/index.js";
export type { GridOptions } from "./pixels/index.js";
export * from "./rewards/index.js";
export * from "./scenes/index.js";
export * from "./stable-diffusion/index.js";
export { ClipTokenizer, type EncodedText, readTokenizer, type TokenizerTexts } from "./tokenizer/index.js";
