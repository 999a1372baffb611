/** How many electron pairs a bond shares; "aromatic" where they are spread over a ring. */
export type BondOrder = 1 | 2 | 3 | "aromatic";

/** A bond between two atoms; neither direction means anything, and each bond is listed once. */
export interface Bond {
  /** Index of one atom. */
  readonly from: number;
  /** Index of the other atom. */
  readonly to: number;
  readonly order: BondOrder;
}

/** A molecule as a plain record. Every hydrogen is an atom of its own: none are implied. */
export interface Molecule {
  /** Element symbols, one an atom: "C", "Cl". */
  readonly elements: readonly string[];
  /** Formal charges, one an atom, in elementary charges. */
  readonly charges: Int8Array | readonly number[];
  readonly bonds: readonly Bond[];
  /** Positions in angstrom, x, y and z of each atom in turn: shape [atoms, 3]. */
  readonly positions: Float32Array;
}
