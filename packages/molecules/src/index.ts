export * from "./alignment/index.js";
export { judgeMolecules, type QedProperties, qedOf, type Verdict } from "./chemistry/index.js";
export * from "./flowmol/index.js";
export * from "./formats/index.js";
export * from "./graph/index.js";
export { atomicNumber, type Bond, type BondOrder, type Molecule, totalCharge } from "./molecule/index.js";
export * from "./pictures/index.js";
export { configureRdkit, type RdkitSettings } from "./rdkit/index.js";
export * from "./rewards/index.js";
export * from "./small/index.js";
export * from "./value/index.js";
export {
  relaxMolecules,
  runXtb,
  type XtbOptions,
  type XtbProperties,
  type XtbProperty,
  type XtbResult,
} from "./xtb/index.js";

import "./register.js";
