export {
  RewardWeightedFlowMatching,
  type RewardWeightedFlowMatchingOptions,
} from "./reward-weighted-flow-matching.js";
export { meanOneWeights, RunningScale } from "./weights.js";
