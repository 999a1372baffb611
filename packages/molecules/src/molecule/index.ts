export { totalCharge, unpairedElectrons } from "./electrons.js";
export { atomicNumber } from "./elements.js";
export type { Bond, BondOrder, Molecule } from "./molecule.js";
export { type Topology, topologyOf } from "./rings.js";
export { mostAtoms, mostRings, type Structure, structureOf } from "./structure.js";
