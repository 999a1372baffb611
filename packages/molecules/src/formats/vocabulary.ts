import { ArgumentError } from "@diffusiongym/core";
import type { FeatureSizes } from "../graph/index.js";
import type { BondOrder } from "../molecule/index.js";

/** What the columns of a molecular graph's logits mean. */
export interface Vocabulary {
  /** Element of each column of `atomTypes`. */
  readonly elements: readonly string[];
  /** Formal charge of each column of `charges`. */
  readonly charges: readonly number[];
  /** Kind of each column of `bonds`; 0 is no bond. */
  readonly bonds: readonly (BondOrder | 0)[];
}

/** What FlowMol uses on GEOM-drugs; its first five elements are those of QM9. */
export const flowMolVocabulary: Vocabulary = {
  elements: ["C", "H", "N", "O", "F", "P", "S", "Cl", "Br", "I"],
  charges: [-2, -1, 0, 1, 2, 3],
  bonds: [0, 1, 2, 3, "aromatic"],
};

/** FlowMol's vocabulary on QM9, and that of small organic molecules: C, H, N, O, F. */
export const qm9Vocabulary: Vocabulary = { ...flowMolVocabulary, elements: flowMolVocabulary.elements.slice(0, 5) };

/** How many columns a vocabulary takes. */
export function vocabularySizes({ elements, charges, bonds }: Vocabulary): FeatureSizes {
  return { atomTypes: elements.length, charges: charges.length, bonds: bonds.length };
}

/**
 * The vocabulary of a graph with these columns: FlowMol's, with as many of its elements as there are columns.
 * @throws ArgumentError when charges or bonds are not as many as FlowMol's; such a graph needs a vocabulary of its own
 */
export function vocabularyFor(sizes: FeatureSizes): Vocabulary {
  const { elements, charges, bonds } = flowMolVocabulary;
  if (sizes.atomTypes > elements.length || sizes.charges !== charges.length || sizes.bonds !== bonds.length) {
    throw new ArgumentError(
      `A graph of ${sizes.atomTypes} atom types, ${sizes.charges} charges and ${sizes.bonds} kinds of bond needs a vocabulary that ` +
        `says what they are; known without one are up to ${elements.length}, ${charges.length} and ${bonds.length} of them.`,
      "vocabulary",
      sizes,
    );
  }
  return { elements: elements.slice(0, sizes.atomTypes), charges, bonds };
}

/**
 * Refuses a vocabulary of other sizes than a graph's.
 * @throws ArgumentError with both
 */
export function checkVocabulary(vocabulary: Vocabulary, sizes: FeatureSizes): void {
  const own = vocabularySizes(vocabulary);
  if (own.atomTypes !== sizes.atomTypes || own.charges !== sizes.charges || own.bonds !== sizes.bonds) {
    throw new ArgumentError(
      `The vocabulary has ${own.atomTypes} elements, ${own.charges} charges and ${own.bonds} kinds of bond; the graph has ` +
        `${sizes.atomTypes}, ${sizes.charges} and ${sizes.bonds} columns for them.`,
      "vocabulary",
      vocabulary,
    );
  }
}
