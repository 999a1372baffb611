export { type ContrastOptions, contrastiveLoss, exponentialLoss, type ValueLoss } from "./losses.js";
export { OfflineValue } from "./offline-value.js";
export type { OfflineValueLoss, OfflineValueOptions } from "./options.js";
