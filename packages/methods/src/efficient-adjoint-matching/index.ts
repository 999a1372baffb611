export { baseScore } from "./base-score.js";
export { EfficientAdjointMatching, type EfficientAdjointMatchingOptions } from "./efficient-adjoint-matching.js";
