export { AestheticReward, type AestheticRewardOptions, loadAestheticReward } from "./aesthetic-reward.js";
export {
  type ClipScoreOptions,
  type ClipScoreParts,
  ClipScoreReward,
  loadClipScoreReward,
} from "./clip-score-reward.js";
export { BrightnessReward, RedReward } from "./color-rewards.js";
export { CompressionReward, IncompressionReward, type JpegRewardOptions, jpegBitsPerPixel } from "./jpeg-reward.js";
