export { type AdvantageOptions, type Advantages, advantages } from "./groups.js";
export {
  effectiveSampleSize,
  logSumExp,
  normalizedWeights,
  quantile,
  systematicResampling,
  topShare,
} from "./weights.js";
