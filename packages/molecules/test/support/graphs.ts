import { RandomKey } from "@diffusiongym/core";
import { MoleculeGraph } from "@diffusiongym/molecules";
import fc from "fast-check";

/** As many types, charges and bonds as FlowMol has on QM9. */
export const qm9Sizes = { atomTypes: 5, charges: 6, bonds: 5 };

/** Noise for molecules of the given sizes. */
export function randomGraph(atomCounts: ArrayLike<number>, seed: number, sizes = qm9Sizes): MoleculeGraph {
  return MoleculeGraph.zeros(atomCounts, sizes).randnLike(RandomKey.fromSeed(seed).streams());
}

/** Ragged batches: 1 to 6 molecules of 1 to 60 atoms, most of them small. */
export const raggedGraphs: fc.Arbitrary<MoleculeGraph> = fc
  .tuple(
    fc.array(fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 12 }) }, fc.integer({ min: 1, max: 60 })), {
      minLength: 1,
      maxLength: 6,
    }),
    fc.nat(1000),
  )
  .map(([counts, seed]) => randomGraph(counts, seed));
