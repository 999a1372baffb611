export {
  type BuildLoss,
  LossGradient,
  type LossOptions,
  type LossResult,
  type LossRunOptions,
} from "./loss-gradient.js";
export { type LoadOptions, Network, type NetworkOptions, type NetworkVjp, type NetworkVjpOptions } from "./network.js";
export {
  type Regression,
  type RegressionResult,
  type ValueAndGradient,
  ValueNetwork,
  type ValueNetworkOptions,
} from "./value-network.js";
