export { RewardGuidance, type RewardGuidanceOptions } from "./reward-guidance.js";
