export { type FilmBlockOptions, filmBlock, type MlpConfig, mlp } from "./mlp.js";
export { type DownBlockType, type Unet2dConfig, type UpBlockType, unet2d, unet2dOptionNames } from "./unet2d/index.js";
export { type ValueMlpConfig, valueMlp } from "./value-mlp.js";
