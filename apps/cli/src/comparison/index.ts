export { type AimResult, aimsTable, runAims } from "./aims.js";
export { budgetText } from "./budget.js";
export {
  type CampaignOptions,
  type CampaignProgress,
  type Choice,
  type ChosenSettings,
  type Comparison,
  type ComparisonRun,
  runCampaign,
} from "./campaign.js";
export { exactFacts } from "./exact-facts.js";
export { frontierFigures } from "./frontier-figure.js";
export type { Budget, ExactFacts, Outcome, Settings } from "./job.js";
export { type ComparisonProblem, comparisonProblems, problemNamed } from "./problem.js";
export { type Circumstances, comparisonFiles, resultsOf, thisMachine } from "./report.js";
export { ComparisonRunError, inChildProcess, inThisProcess, type Runner } from "./runner.js";
export { serveOneJob } from "./serve.js";
export { equivalentScale, type Summary, summarize } from "./summary.js";
export { comparisonTable, markdownTable } from "./table.js";
export type { NetworkBuilders, NetworkRequest } from "./train-one.js";
