export { LogVariance } from "./log-variance.js";
export type { Behaviour, LogVarianceOptions, Normalizer } from "./options.js";
