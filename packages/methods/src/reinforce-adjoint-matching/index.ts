export {
  controlEnergy,
  type IntermediateNoisings,
  type IntermediateOptions,
  noiseThroughIntermediate,
  pathCostDirection,
} from "./intermediate.js";
export type { ReinforceAdjointMatchingOptions, ReinforceBaseline } from "./options.js";
export { ReinforceAdjointMatching } from "./reinforce-adjoint-matching.js";
export { type ReinforceOutputs, reinforceTarget } from "./targets.js";
