export {
  loadStableDiffusion,
  type StableDiffusionLoadingOptions,
  type StableDiffusionSizes,
} from "./load-stable-diffusion.js";
export { makeStableDiffusion, makeStableDiffusion2, type StableDiffusionOptions } from "./make.js";
export { PromptEncoder } from "./prompt-encoder.js";
export { defaultPrompts } from "./prompts.js";
export {
  type StableDiffusionConditioning,
  type StableDiffusionDefaults,
  StableDiffusionModel,
  type StableDiffusionModelOptions,
} from "./stable-diffusion-model.js";
