export { checkProbability, LatentModel, type LatentModelOptions } from "./latent-model.js";
