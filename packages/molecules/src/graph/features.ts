import type { NestedNumbers, Tensor } from "@diffusiongym/core";
import type { GraphStructure } from "./structure.js";

/** How many numbers describe an atom's type, its charge, and a bond. */
export interface FeatureSizes {
  /** Atom types A. */
  readonly atomTypes: number;
  /** Formal charges C. */
  readonly charges: number;
  /** Kinds of bond B, "none" included. */
  readonly bonds: number;
}

/** What a batch of molecular graphs is made of. V is the number of atoms, E that of directed edges, over all molecules. */
export interface MoleculeGraphFields {
  /** Atoms of each molecule, shape [n]. */
  readonly atomCounts: ArrayLike<number>;
  /** Coordinates in Angstrom, shape [V, 3]. */
  readonly positions: Tensor | NestedNumbers;
  /** Logits of the atom types, shape [V, A]. */
  readonly atomTypes: Tensor | NestedNumbers;
  /** Logits of the formal charges, shape [V, C]. */
  readonly charges: Tensor | NestedNumbers;
  /** Logits of the kinds of bond, shape [E, B], edges in the order of `GraphStructure`; both directions of a bond carry the same numbers. */
  readonly bonds: Tensor | NestedNumbers;
}

/** Names of the features, in the order of `tensors()`; a `Coefficient` may address each, so each may have its own scheduler. */
export const featureNames = ["positions", "atomTypes", "charges", "bonds"] as const;

/** One of the features. */
export type FeatureName = (typeof featureNames)[number];

/** Where the bonds are among the features. */
export const bondsIndex = featureNames.indexOf("bonds");

/** Offsets of each molecule's rows in a feature. */
export function rowOffsetsOf(structure: GraphStructure, index: number): Int32Array {
  return index === bondsIndex ? structure.edgeOffsets : structure.nodeOffsets;
}
