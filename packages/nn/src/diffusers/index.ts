export { type LoadUnet2dOptions, loadUnet2d } from "./load-unet2d.js";
export { readUnet2dConfig } from "./read-unet2d-config.js";
export { saveUnet2d } from "./save-unet2d.js";
