export { backwardInParts, regressInParts } from "./in-parts.js";
export {
  defaultTimeRange,
  type NoisingOptions,
  type Noisings,
  noiseEndpoints,
  repeatedIndices,
  velocityFactor,
  velocityWeights,
} from "./noisings.js";
export {
  type PolicyMethodDefaults,
  type PolicyMethodOptions,
  type ResolvedPolicyOptions,
  requireAbove,
  requireBetween,
  requireCount,
  resolvePolicyOptions,
} from "./options.js";
export { baselineOf, type ExtraState, PolicyMethod } from "./policy-method.js";
export * from "./requirements.js";
export { rewardMetrics, rolloutMetrics, validMean } from "./sample-metrics.js";
