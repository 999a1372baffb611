export { type CnnConfig, cnn } from "./cnn.js";
export type { ImageSize } from "./image-size.js";
export { type FilmBlockOptions, filmBlock, type MlpConfig, mlp } from "./mlp.js";
export { type DownBlockType, type Unet2dConfig, type UpBlockType, unet2d, unet2dOptionNames } from "./unet2d/index.js";
export { type ValueCnnConfig, valueCnn } from "./value-cnn.js";
export { type ValueMlpConfig, valueMlp } from "./value-mlp.js";
export type { ValueOptions } from "./value-parts.js";
export { type ValueRecordConfig, valueRecord } from "./value-record.js";
