import {
  type DDTensor,
  type NoConditioning,
  registerBaseModel,
  registerModality,
  registerReward,
} from "@diffusiongym/core";
import { type DitConditioning, type DitOptions, makeDit } from "./dit/index.js";
import { imageKit } from "./kit/index.js";
import { type CifarOptions, makeCifar } from "./pixel-models/index.js";
import {
  type AestheticRewardOptions,
  BrightnessReward,
  type ClipScoreOptions,
  CompressionReward,
  IncompressionReward,
  type JpegRewardOptions,
  loadAestheticReward,
  loadClipScoreReward,
  RedReward,
} from "./rewards/index.js";
import { makeScenes } from "./scenes/index.js";
import {
  makeStableDiffusion,
  makeStableDiffusion2,
  type StableDiffusionConditioning,
  type StableDiffusionOptions,
} from "./stable-diffusion/index.js";

/** What the registry knows of a Stable Diffusion. */
interface StableDiffusionEntry {
  data: DDTensor;
  conditioning: StableDiffusionConditioning;
  options: StableDiffusionOptions;
}

/** What the registry knows of a reward of images; it goes with models of any conditioning. */
interface ImageRewardEntry<Options> {
  data: DDTensor;
  conditioning: object;
  options: Options;
}

declare module "@diffusiongym/core" {
  interface BaseModelRegistry {
    "images/cifar": { data: DDTensor; conditioning: NoConditioning; options: CifarOptions };
    "images/dit": { data: DDTensor; conditioning: DitConditioning; options: DitOptions };
    "images/scenes": { data: DDTensor; conditioning: NoConditioning; options: Record<string, never> };
    "images/sd1.5": StableDiffusionEntry;
    "images/sd2": StableDiffusionEntry;
    "images/stable-diffusion": StableDiffusionEntry;
  }
  interface RewardRegistry {
    "images/compression": ImageRewardEntry<JpegRewardOptions>;
    "images/incompression": ImageRewardEntry<JpegRewardOptions>;
    "images/aesthetic": ImageRewardEntry<AestheticRewardOptions>;
    "images/clip-score": ImageRewardEntry<ClipScoreOptions>;
    "images/red": ImageRewardEntry<Record<string, never>>;
    "images/brightness": ImageRewardEntry<Record<string, never>>;
  }
}

registerModality("images", imageKit);

registerBaseModel("images/scenes", makeScenes, {
  description: "drawn landscapes of 32 x 32 pixels; comes with the package, no download",
  options: {},
});

registerBaseModel("images/cifar", makeCifar, {
  description: "denoising diffusion of 32 x 32 pixels trained on CIFAR-10; downloads 143 MB when first used",
  options: {
    source: 'hub id, address or folder of a UNet2DModel, default "google/ddpm-cifar10-32"',
    revision: 'branch, tag or commit, default "main"',
    endpoint: "address of the hub, default HF_ENDPOINT or https://huggingface.co",
    cacheDirectory: "default HF_HUB_CACHE, or HF_HOME/hub, or ~/.cache/huggingface/hub",
    localFilesOnly: "never use the network, default false unless HF_HUB_OFFLINE is set",
    sampleSize: "height and width, default what the model's files say",
  },
});

registerBaseModel("images/dit", makeDit, {
  description: "diffusion transformer of ImageNet's 1000 classes; exported to ONNX once by a script, 3 GB",
  options: {
    source: "folder, address or hub id of the ONNX files, default ~/.cache/diffusiongym/dit-xl-2-256",
    revision: 'branch, tag or commit, default "main"',
    endpoint: "address of the hub, default HF_ENDPOINT or https://huggingface.co",
    cacheDirectory: "default HF_HUB_CACHE, or HF_HOME/hub, or ~/.cache/huggingface/hub",
    localFilesOnly: "never use the network, default false unless HF_HUB_OFFLINE is set",
    guidanceScale: "s of (s + 1) cond - s uncond, or [least, most], default 0",
    classes: "numbers or names of the classes to draw from, default all",
    labelDropout: "probability with which trainLoss leaves out the class, default 0.1",
    branches: 'how guidance is computed, "together" or "apart", default "together"',
    checkpoint: "compute parts twice in place of keeping them for gradients, default none",
    latentSize: "height and width of the latents, default what the model's files say",
    decodeBatchSize: "images that are decoded at once, default 1",
  },
});

const stableDiffusionHelp = {
  revision: 'branch, tag or commit, default "main"',
  endpoint: "address of the hub, default HF_ENDPOINT or https://huggingface.co",
  cacheDirectory: "default HF_HUB_CACHE, or HF_HOME/hub, or ~/.cache/huggingface/hub",
  localFilesOnly: "never use the network, default false unless HF_HUB_OFFLINE is set",
  guidanceScale: "s of (s + 1) cond - s uncond, or [least, most], default 6.5",
  prompts: "texts from which prompts are drawn, default 16 of this project's",
  promptDropout: "probability with which trainLoss leaves out the prompt, default 0.1",
  branches: 'how guidance is computed, "together" or "apart", default "together"',
  checkpoint: "compute parts twice in place of keeping them for gradients, default none",
  latentSize: "height and width of the latents, an eighth of the image's, default what the model's files say",
  decodeBatchSize: "images that are decoded at once, default 1",
};
const stableDiffusion15 = "onnx-community/stable-diffusion-v1-5-ONNX";

registerBaseModel("images/sd1.5", makeStableDiffusion, {
  description: "Stable Diffusion 1.5, images of 512 x 512 pixels by prompt; downloads 4 GB when first used",
  options: { source: `hub id, address or folder, default "${stableDiffusion15}"`, ...stableDiffusionHelp },
});
registerBaseModel("images/sd2", makeStableDiffusion2, {
  description: "Stable Diffusion 2.1 base, images of 512 x 512 pixels by prompt; downloads 3 GB when first used",
  options: {
    source: 'hub id, address or folder, default "aislamov/stable-diffusion-2-1-base-onnx"',
    ...stableDiffusionHelp,
    revision: 'branch, tag or commit, default "cpu" for the default source, else "main"',
  },
});
registerBaseModel("images/stable-diffusion", makeStableDiffusion, {
  description: "any Stable Diffusion 1.x or 2.x that was exported to ONNX",
  options: { source: `hub id, address or folder, default "${stableDiffusion15}"`, ...stableDiffusionHelp },
});

const jpegHelp = { quality: "JPEG quality from 1 to 100, default 85" };

registerReward("images/compression", CompressionReward, {
  description: "minus the bits per pixel of the JPEG file; no gradient; needs sharp",
  options: jpegHelp,
});
registerReward("images/incompression", IncompressionReward, {
  description: "bits per pixel of the JPEG file; no gradient; needs sharp",
  options: jpegHelp,
});

const clipHelp = {
  source: 'hub id, address or folder of CLIP\'s ONNX files, default "Xenova/clip-vit-large-patch14"',
  revision: 'branch, tag or commit, default "main"',
  endpoint: "address of the hub, default HF_ENDPOINT or https://huggingface.co",
  cacheDirectory: "default HF_HUB_CACHE, or HF_HOME/hub, or ~/.cache/huggingface/hub",
  localFilesOnly: "never use the network, default false unless HF_HUB_OFFLINE is set",
  imageEncoder: 'file of the image encoder, default "onnx/vision_model.onnx"',
  batchSize: "images in one run of the encoder, default 4",
};

registerReward("images/aesthetic", loadAestheticReward, {
  description:
    "LAION's aesthetic score on CLIP ViT-L/14; downloads 1.2 GB when first used, and needs its head converted",
  options: {
    ...clipHelp,
    headSource: "the head's .safetensors file, default aesthetic_head.safetensors in source or ~/.cache/diffusiongym",
  },
});
registerReward("images/clip-score", loadClipScoreReward, {
  description: "cosine of CLIP's embeddings of image and prompt; downloads 1.7 GB when first used",
  options: {
    ...clipHelp,
    textEncoder: 'file of the text encoder, default "onnx/text_model.onnx"',
    prompt: "what every image should show, default the model's own prompts",
    scale: "factor of the cosine, default 1",
  },
});
registerReward("images/red", RedReward, { description: "mean of red - (green + blue) / 2", options: {} });
registerReward("images/brightness", BrightnessReward, { description: "mean brightness, 0 to 1", options: {} });
