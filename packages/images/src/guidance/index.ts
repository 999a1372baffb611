export { type GuidanceBranches, GuidedModel, type GuidedModelOptions } from "./guided-model.js";
export { checkGuidanceScale, drawScales, type GuidanceScale, type GuidanceScales, readScales } from "./scale.js";
