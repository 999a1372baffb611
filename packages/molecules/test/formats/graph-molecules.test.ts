import { ArgumentError, Tensor } from "@diffusiongym/core";
import {
  flowMolVocabulary,
  fromMolecules,
  type Molecule,
  MoleculeGraph,
  qm9Vocabulary,
  toMolecules,
  vocabularySizes,
} from "@diffusiongym/molecules";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomGraph } from "../support/graphs.js";
import { ammoniumFluoride, anyMolecule, benzene, formaldehyde, normalised } from "../support/records.js";

describe("graphs and records", () => {
  it("give each other back", () => {
    fc.assert(
      fc.property(fc.array(anyMolecule, { minLength: 1, maxLength: 4 }), (molecules) => {
        expect(toMolecules(fromMolecules(molecules, { centre: false }))).toEqual(molecules.map(normalised));
      }),
      { seed: 1, numRuns: 80 },
    );
    const known = [formaldehyde, ammoniumFluoride, benzene];
    expect(toMolecules(fromMolecules(known, { centre: false }))).toEqual(known.map(normalised));
  });

  it("write one-hot features of FlowMol's columns, both directions of a bond alike, around the origin", () => {
    const graph = fromMolecules([formaldehyde, ammoniumFluoride]);
    expect(graph.sizes).toEqual({ atomTypes: 5, charges: 6, bonds: 5 });
    expect(Array.from(graph.atomTypes.slice(0, 3).data)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0]);
    expect(Array.from(graph.charges.slice(4, 5).data)).toEqual([0, 0, 0, 1, 0, 0]);
    expect(graph.symmetrised().bonds).toEqual(graph.bonds);
    // The pairs 0-1 (double), 0-2 (single), 0-3 (single), 1-2, 1-3, 2-3 (none).
    const kinds = Array.from({ length: 6 }, (_, edge) => graph.bonds.slice(edge, edge + 1).data.indexOf(1));
    expect(kinds).toEqual([2, 1, 1, 0, 0, 0]);
    expect(graph.aggregate("sum").length).toBe(2);
    const mean = graph.at(0).positions.data.reduce((sum, value) => sum + value, 0);
    expect(Math.abs(mean)).toBeLessThan(1e-6);
  });

  it("decide by the largest entry, the first of equals, whatever is added to all", () => {
    const noise = randomGraph([5, 2], 3);
    const shifted = noise.apply(
      (tensor) =>
        new Tensor(
          tensor.data.map((value) => value + 4),
          tensor.shape,
        ),
    );
    const decided = (graph: MoleculeGraph) =>
      toMolecules(graph).map(({ elements, charges, bonds }) => ({ elements, charges, bonds }));
    expect(decided(shifted)).toEqual(decided(noise));
    const [blank] = toMolecules(MoleculeGraph.zeros([3], vocabularySizes(qm9Vocabulary)));
    expect(blank).toEqual({
      elements: ["C", "C", "C"],
      charges: Int8Array.of(-2, -2, -2),
      bonds: [],
      positions: new Float32Array(9),
    });
  });

  it("decide a bond by both of its directions", () => {
    const graph = MoleculeGraph.zeros([2], vocabularySizes(qm9Vocabulary));
    graph.bonds.data.set([0, 2, 0, 0, 0, 0, 0, 3, 0, 0]);
    expect(toMolecules(graph)[0]!.bonds).toEqual([{ from: 0, to: 1, order: 2 }]);
  });

  it("take a vocabulary of one's own, and need one where the columns are not FlowMol's", () => {
    const vocabulary = { elements: ["O", "H"], charges: [0], bonds: [0, 1] } as const;
    const water: Molecule = {
      elements: ["H", "O", "H"],
      charges: [0, 0, 0],
      bonds: [
        { from: 0, to: 1, order: 1 },
        { from: 1, to: 2, order: 1 },
      ],
      positions: new Float32Array(9),
    };
    const graph = fromMolecules([water], { vocabulary });
    expect(toMolecules(graph, vocabulary)).toEqual([normalised(water)]);
    expect(() => toMolecules(graph)).toThrowError(/2 atom types, 1 charges and 2 kinds of bond needs a vocabulary/);
    expect(() => toMolecules(graph, qm9Vocabulary)).toThrowError(/5 elements, 6 charges and 5 kinds/);
    expect(fromMolecules([formaldehyde], { vocabulary: flowMolVocabulary }).sizes.atomTypes).toBe(10);
  });

  it("refuse what a graph cannot hold, naming the molecule", () => {
    const broken: readonly (readonly [Partial<Molecule>, RegExp])[] = [
      [{ elements: ["C", "S", "H", "H"] }, /Molecule 1: the element S is not in the vocabulary \(C, H, N, O, F\)/],
      [{ charges: [0, 4, 0, 0] }, /the charge 4/],
      [{ charges: [0, 0, 0] }, /4 elements, 3 charges and 12 coordinates/],
      [{ positions: new Float32Array(11) }, /11 coordinates/],
      [{ bonds: [{ from: 0, to: 4, order: 1 }] }, /joins atoms 0 and 4; it takes two different ones of 0 to 3/],
      [{ bonds: [{ from: 1, to: 1, order: 1 }] }, /joins atoms 1 and 1/],
      [{ bonds: [{ from: 0, to: 1, order: 4 as never }] }, /the kind of bond 4/],
    ];
    for (const [part, message] of broken) {
      const act = (): MoleculeGraph => fromMolecules([formaldehyde, { ...formaldehyde, ...part }]);
      expect(act).toThrowError(ArgumentError);
      expect(act).toThrowError(message);
    }
    expect(() =>
      fromMolecules([{ elements: [], charges: [], bonds: [], positions: new Float32Array(0) }]),
    ).toThrowError(/0 atoms/);
  });
});
