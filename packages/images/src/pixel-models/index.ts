export { type CifarOptions, makeCifar } from "./cifar.js";
export { loadPixelModel, type PixelModelLoadingOptions } from "./load-pixel-model.js";
export { PixelModel, type PixelModelOptions } from "./pixel-model.js";
