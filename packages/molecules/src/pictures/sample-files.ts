import type { Sample } from "@diffusiongym/core";
import { toMolecules, type Vocabulary, writeSdf, writeXyz } from "../formats/index.js";
import type { MoleculeGraph } from "../graph/index.js";

/** How a sample becomes a file. */
export interface SampleFileOptions {
  /** What the columns of the graphs mean. @default FlowMol's */
  readonly vocabulary?: Vocabulary;
  /** SMILES of each molecule, as `toSmiles` gives them, written beside the reward. @default none */
  readonly smiles?: readonly (string | undefined)[];
}

/** An SDF file of a sample: one V3000 molblock a molecule, with `reward`, `valid` (1 or 0) and, where given, `smiles`. */
export function sdfOf<C extends object>(
  sample: Sample<MoleculeGraph, C>,
  { vocabulary, smiles }: SampleFileOptions = {},
): string {
  return writeSdf(
    toMolecules(sample.sample, vocabulary).map((molecule, i) => ({
      molecule,
      title: `sample ${i}`,
      properties: {
        reward: sample.rewards[i]!,
        valid: sample.valids[i]!,
        ...(smiles?.[i] && { smiles: smiles[i] }),
      },
    })),
  );
}

/** An XYZ file of a sample: one frame a molecule, with its reward, whether it is valid and, where given, its SMILES in the comment. */
export function xyzOf<C extends object>(
  sample: Sample<MoleculeGraph, C>,
  { vocabulary, smiles }: SampleFileOptions = {},
): string {
  return writeXyz(
    toMolecules(sample.sample, vocabulary).map((molecule, i) => ({
      molecule,
      comment:
        `sample ${i} reward ${sample.rewards[i]} valid ${sample.valids[i]}` +
        (smiles?.[i] ? ` smiles ${smiles[i]}` : ""),
    })),
  );
}
