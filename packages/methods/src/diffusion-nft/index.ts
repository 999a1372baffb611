export { DiffusionNft } from "./diffusion-nft.js";
export type { DiffusionNftOptions } from "./options.js";
export { negativeAwareTarget, type Optimality, optimality } from "./targets.js";
