export { type DownBlockType, type Unet2dConfig, type UpBlockType, unet2dOptionNames } from "./config.js";
export { unet2d } from "./unet2d.js";
