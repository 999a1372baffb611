export type { RewardScaleAnnealing, ValueMatchingOptions } from "./options.js";
export { type CostRecord, costsToGo, type ValueTarget } from "./targets.js";
export type { TrainableValue, ValueRegression } from "./trainable-value.js";
export { ValueMatching } from "./value-matching.js";
export { type ValueWeighting, valueWeights } from "./weights.js";
