export { loadScenesModel, makeScenes } from "./scenes-model.js";
export { scenesUnet } from "./scenes-unet.js";
