export { conditionCount, tileConditioning } from "./conditions.js";
export { EndpointMethod, type NoisedBatch } from "./endpoint-method.js";
export {
  type GroupWeights,
  groupWeights,
  total,
  validMembers,
  type WeightedMean,
  weightedMean,
} from "./group-weights.js";
export {
  between,
  chunksOf,
  type NoisedRows,
  perRow,
  type RowChunk,
  type RowTargets,
  SharedBaseOutput,
} from "./noised-rows.js";
export type { EndpointDefaults, EndpointOptions, ResolvedEndpointOptions } from "./options.js";
export { PooledMethod, type PoolRequest, type RolledPool, type RoundStart } from "./pooled-method.js";
export {
  type PooledOptions,
  type RoundDefaults,
  type RoundPlan,
  resolveRounds,
  restartedCosine,
  roundAt,
} from "./pooled-options.js";
export { type StepReportOptions, stepReport } from "./step-report.js";
export { type JoinedTargets, joinTargets } from "./two-targets.js";
