export { type Estimate, meanOf } from "./estimate.js";
export {
  type Evaluation,
  type EvaluationOptions,
  evaluate,
  evaluationSeed,
  type ModelEvaluation,
  type Paths,
  shownPathCount,
} from "./evaluate.js";
export { asPoints, type Points, type RollOutOptions, rollOut, suitableCount } from "./roll-out.js";
export { evaluationRows, type Row, suitableDecimals } from "./rows.js";
