export { type Descriptors, descriptorsOf } from "./descriptors.js";
export { type Measurement, measureMolecules } from "./measure.js";
export { type QedProperties, qedOf, qedProperties } from "./qed.js";
export { type RdkitGraph, rdkitGraph } from "./rdkit-graph.js";
export { type FingerprintOptions, morganFingerprint, tanimoto } from "./similarity.js";
export { judgeMolecules, type Verdict } from "./validity.js";
