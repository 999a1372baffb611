export { meanPairwiseDistance } from "./diversity.js";
export { type Estimate, estimate } from "./estimate.js";
export {
  type CustomReport,
  type EvaluateOptions,
  type Evaluation,
  type ExactAnswer,
  evaluate,
  evaluationSeed,
  type Findings,
  type LawReport,
  type SamplerReport,
  type SdeReport,
} from "./evaluate.js";
export type { AdaptedSampler, CustomSampler, EvaluatedSampler } from "./sampler.js";
export { evaluationTable } from "./table.js";
