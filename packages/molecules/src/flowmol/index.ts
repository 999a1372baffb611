export { type AtomCountDistribution, type AtomCounts, normalAtomCounts } from "./atom-counts.js";
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
export { type FlowMolOptions, flowMolGeom, flowMolQm9, makeFlowMolGeom, makeFlowMolQm9 } from "./make-flowmol.js";
export { flowMolNetwork } from "./network.js";
export { descriptionField, type FlowMolDescription, type OpenFlowMolOptions, openFlowMol } from "./open-flowmol.js";
export { structureInputs } from "./structure-inputs.js";
