export { type FeatureName, type FeatureSizes, featureNames, type MoleculeGraphFields } from "./features.js";
export { MoleculeGraph } from "./molecule-graph.js";
export { type GraphStructure, graphStructure, sameStructure, upperEdge } from "./structure.js";
