export type * from "./entries.js";
export { type EnvironmentOf, type MakeOptions, make, type PartialSpec } from "./make.js";
export { modalityKit, registerModality } from "./modality.js";
export type * from "./modality-kit.js";
export {
  listBaseModels,
  listRewards,
  makeBaseModel,
  makePart,
  makeReward,
  type RegisteredPart,
  registerBaseModel,
  registerReward,
} from "./registry.js";
