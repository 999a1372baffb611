export {
  type AlongRequest,
  type BackwardRequest,
  backwardAlong,
  outputsAlong,
  type Paths,
  type StepWeights,
  stepNoise,
  takePaths,
} from "./along-steps.js";
export { centredByGroup, costsToCome } from "./centred.js";
export { type ClippedTerm, clippedTerm, RatioStatistics } from "./clipped-ratio.js";
export { ObjectiveRule } from "./objective-rule.js";
export {
  type GradientEstimator,
  type LogProbReduction,
  type PathGradientOptions,
  requireGroups,
  resolveSurrogate,
  type SurrogateOptions,
  type SurrogateSettings,
} from "./options.js";
export { refuseStaleRollout } from "./stale-rollout.js";
export { type StepPlan, SurrogateMethod } from "./surrogate-method.js";
