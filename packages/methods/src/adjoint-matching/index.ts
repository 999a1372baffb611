export { AdjointMatching } from "./adjoint-matching.js";
export { type AdjointIndex, type AdjointStep, leanAdjoint } from "./lean-adjoint.js";
export type { AdjointMatchingOptions } from "./options.js";
export { type ChosenStep, chooseSteps } from "./step-choice.js";
