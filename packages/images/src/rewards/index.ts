export { BrightnessReward, RedReward } from "./color-rewards.js";
export { CompressionReward, IncompressionReward, type JpegRewardOptions, jpegBitsPerPixel } from "./jpeg-reward.js";
