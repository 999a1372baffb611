export {
  type AtomCountDistribution,
  type AtomCounts,
  normalAtomCounts,
} from "./atom-counts.js";
export {
  type FlowMolConfiguration,
  flowMolGeomConfiguration,
  flowMolQm9Configuration,
  geomAtoms,
  qm9Atoms,
} from "./configuration.js";
export { FlowMolModel, type FlowMolModelOptions, type MoleculeConditioning } from "./flowmol-model.js";
export { FlowMolTraining } from "./flowmol-training.js";
export { type FeatureWeights, flowMolLossWeights } from "./loss.js";
export { flowMolNetwork } from "./network.js";
