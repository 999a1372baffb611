export {
  type FeatureName,
  type FeatureSizes,
  featureNames,
  MoleculeGraph,
  type MoleculeGraphFields,
} from "./molecule-graph.js";
export { type GraphStructure, graphStructure, sameStructure, upperEdge } from "./structure.js";
