export { RewardWeightedRegression, type RewardWeightedRegressionOptions } from "./reward-weighted-regression.js";
