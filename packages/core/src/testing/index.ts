export { type BaseModelCheck, checkBaseModel } from "./check-base-model.js";
export { checkDataType, type DataTypeCheck } from "./check-data-type.js";
export { checkEnvironment, type EnvironmentCheck } from "./check-environment.js";
export { checkReward, type RewardCheck } from "./check-reward.js";
export { Checklist, ConformanceError } from "./conformance.js";
