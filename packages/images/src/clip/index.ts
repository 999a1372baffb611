export { ClipImageScorer, type ClipImageScorerOptions, type ImageScores } from "./image-scorer.js";
export {
  type Clip,
  type ClipFileOptions,
  type ClipLoadingOptions,
  type ClipSourceOptions,
  defaultClip,
  loadClip,
} from "./load-clip.js";
export { ClipPreprocessing, type ClipPreprocessingOptions } from "./preprocessing.js";
export { ClipTextEmbedder, type ClipTextEmbedderOptions } from "./text-embedder.js";
