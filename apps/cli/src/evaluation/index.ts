export { type Estimate, meanOf } from "./estimate.js";
export {
  type Evaluation,
  type EvaluationOptions,
  evaluate,
  evaluationSeed,
  type ModelEvaluation,
  type Paths,
} from "./evaluate.js";
export { asPoints, type Points, type RollOutOptions, rollOut } from "./roll-out.js";
export { evaluationRows, type Row, suitableDecimals } from "./rows.js";
