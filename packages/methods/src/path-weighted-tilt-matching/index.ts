export type { PathWeightedTiltMatchingOptions, TiltWeights } from "./options.js";
export { PathWeightedTiltMatching } from "./path-weighted-tilt-matching.js";
export {
  ladderLevel,
  mixturePoolWeights,
  type PoolWeightOptions,
  type PoolWeights,
  pathPoolWeights,
  type WeighedPool,
} from "./pool-weights.js";
