export { smallConfiguration, smallLossWeights, smallSchedule } from "./configuration.js";
export { makeSmallMolecules, type SmallMoleculesOptions } from "./make-small.js";
