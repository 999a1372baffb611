import { type DDTensor, registerReward } from "@diffusiongym/core";
import {
  BrightnessReward,
  CompressionReward,
  IncompressionReward,
  type JpegRewardOptions,
  RedReward,
} from "./rewards/index.js";

/** What the registry knows of a reward of images; it goes with models of any conditioning. */
interface ImageRewardEntry<Options> {
  data: DDTensor;
  conditioning: object;
  options: Options;
}

declare module "@diffusiongym/core" {
  interface RewardRegistry {
    "images/compression": ImageRewardEntry<JpegRewardOptions>;
    "images/incompression": ImageRewardEntry<JpegRewardOptions>;
    "images/red": ImageRewardEntry<Record<string, never>>;
    "images/brightness": ImageRewardEntry<Record<string, never>>;
  }
}

const jpegHelp = { quality: "JPEG quality from 1 to 100, default 85" };

registerReward("images/compression", CompressionReward, {
  description: "minus the bits per pixel of the JPEG file; no gradient; needs sharp",
  options: jpegHelp,
});
registerReward("images/incompression", IncompressionReward, {
  description: "bits per pixel of the JPEG file; no gradient; needs sharp",
  options: jpegHelp,
});
registerReward("images/red", RedReward, { description: "mean of red - (green + blue) / 2", options: {} });
registerReward("images/brightness", BrightnessReward, { description: "mean brightness, 0 to 1", options: {} });
