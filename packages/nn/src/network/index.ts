export type { DataInputsOptions } from "./data-inputs.js";
export {
  drawProbe,
  type NetworkJvp,
  type NetworkJvpOptions,
  type NetworkTrace,
  type NetworkTraceOptions,
  type NetworkVjp,
  type NetworkVjpOptions,
  type ProbeOptions,
} from "./derivatives.js";
export {
  type BuildLoss,
  LossGradient,
  type LossOptions,
  type LossResult,
  type LossRunOptions,
} from "./loss-gradient.js";
export type { ValueNetworkRequest } from "./modality.js";
export { Network } from "./network.js";
export {
  type ModelCloneOptions,
  NetworkModel,
  type NetworkModelOptions,
  type OutputCotangents,
  type OutputRegression,
  type StartSampler,
} from "./network-model.js";
export type { LoadOptions, NetworkOptions, OpenOptions } from "./options.js";
export {
  type Regression,
  type RegressionResult,
  type ValueAndGradient,
  ValueNetwork,
  type ValueNetworkOptions,
} from "./value-network.js";
