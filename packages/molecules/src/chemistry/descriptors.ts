import type { RdkitMolecule } from "../rdkit/index.js";

/** Properties that RDKit computes of a molecule without explicit hydrogens. */
export interface Descriptors {
  /** Average molecular weight in g/mol. */
  readonly amw: number;
  /** Octanol-water partition coefficient, decadic logarithm, by Wildman and Crippen (1999). */
  readonly CrippenClogP: number;
  /** Topological polar surface area in square angstrom, by Ertl (2000). */
  readonly tpsa: number;
  /** Donors of hydrogen bonds. */
  readonly NumHBD: number;
  /** Rotatable bonds, strict definition. */
  readonly NumRotatableBonds: number;
}

/** RDKit computes them all at once. */
export function descriptorsOf(molecule: RdkitMolecule): Descriptors {
  return JSON.parse(molecule.get_descriptors()) as Descriptors;
}
