export {
  type DifferentiableModel,
  type DifferentiablePostprocess,
  hasDifferentiablePostprocess,
  isDifferentiableModel,
  type StateCotangents,
} from "./differentiable-model.js";
export { ModelPolicy } from "./model-policy.js";
export { ResidualPolicy, type ResidualPolicyOptions, type ResidualScale, residualScales } from "./residual-policy.js";
export type {
  BaseOutputSource,
  PolicyCotangents,
  PolicyRegression,
  PolicyRows,
  TrainablePolicy,
} from "./trainable-policy.js";
