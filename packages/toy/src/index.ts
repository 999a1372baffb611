import "./register.js";

export * from "./diagnostics/index.js";
export {
  BoxForm,
  type CovarianceShape,
  FunctionForm,
  HalfSpaceForm,
  LinearForm,
  type LogMoment,
  QuadraticForm,
  type RewardForm,
  type RewardFunction,
  type TiltedComponent,
} from "./forms/index.js";
export {
  type Box,
  boxMass,
  cellMasses,
  type Experts,
  GaussianMixture,
  type MixtureOptions,
  type MixtureParts,
  NoisedMixture,
  type PathPoint,
  type PathScheduler,
  pathPoint,
} from "./mixture/index.js";
export {
  GaussianMixtureModel,
  type GaussianMixtureModelOptions,
  gmm2dOptions,
  gmmOptions,
  makeGmm,
  makeGmm2d,
  type ToyMixtureOptions,
} from "./model/index.js";
export { gmmMlpConfig, makeGmmMlp } from "./network-model/index.js";
export type { Numbers } from "./numeric/index.js";
export {
  BimodalReward,
  type BimodalRewardOptions,
  BinaryReward,
  BoxReward,
  type BoxRewardOptions,
  GaussianReward,
  type GaussianRewardOptions,
  HalfSpaceReward,
  type HalfSpaceRewardOptions,
  LinearReward,
  type LinearRewardOptions,
  QuadraticReward,
  type QuadraticRewardOptions,
  RingReward,
  type RingRewardOptions,
  SmoothToyReward,
  ToyReward,
} from "./rewards/index.js";
export {
  ExactTilt,
  type ExactTiltOptions,
  ExactValue,
  type RewardFormSource,
  type ValueView,
} from "./tilt/index.js";
