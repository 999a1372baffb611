export type { PictureFormat } from "./encode.js";
export { type AnimationFormat, type AnimationOptions, encodeAnimation, saveAnimation } from "./save-animation.js";
export { encodeGrid, saveGrid } from "./save-grid.js";
export { type SaveImagesOptions, saveImages } from "./save-images.js";
