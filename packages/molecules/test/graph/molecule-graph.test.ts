import { ArgumentError, collate, elementwise, RandomKey, ShapeError, Tensor } from "@diffusiongym/core";
import { checkDataType } from "@diffusiongym/core/testing";
import { featureNames, MoleculeGraph } from "@diffusiongym/molecules";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { qm9Sizes, raggedGraphs, randomGraph } from "../support/graphs.js";

const arrays = (graph: MoleculeGraph): Float32Array[] => graph.tensors().map((tensor) => tensor.data);

function expectSame(a: MoleculeGraph, b: MoleculeGraph): void {
  expect(a.structure).toEqual(b.structure);
  expect(a.tensors()).toEqual(b.tensors());
}

describe("MoleculeGraph", () => {
  it("passes the conformance kit, with ragged sizes and with single atoms", async () => {
    expect(await checkDataType({ example: (seed) => randomGraph([3, 1, 60, 5, 1, 9], seed) })).toBe(30);
    expect(await checkDataType({ example: (seed) => randomGraph([1, 1, 1, 1], seed) })).toBe(30);
  });

  it("has four named features of the shapes that were asked for", () => {
    const graph = MoleculeGraph.zeros([2, 3], { atomTypes: 4, charges: 3, bonds: 2 });
    expect(graph.tensors().map(({ shape }) => shape)).toEqual([
      [5, 3],
      [5, 4],
      [5, 3],
      [8, 2],
    ]);
    expect(graph.partNames()).toEqual(["positions", "atomTypes", "charges", "bonds"]);
    expect(graph.sizes).toEqual({ atomTypes: 4, charges: 3, bonds: 2 });
  });

  it("slices and joins to the same batch wherever it is cut", () => {
    fc.assert(
      fc.property(raggedGraphs, fc.nat(6), fc.nat(6), (graph, a, b) => {
        const [first, second] = [Math.min(a, b), Math.max(a, b)];
        expectSame(collate([graph.slice(0, first), graph.slice(first, second), graph.slice(second)]), graph);
      }),
      { seed: 1, numRuns: 25 },
    );
  });

  it("gives permuted results for permuted molecules", () => {
    fc.assert(
      fc.property(raggedGraphs, fc.nat(1000), (graph, seed) => {
        const order = RandomKey.fromSeed(seed).stream().permutation(graph.length);
        const permuted = graph.take(order);
        expectSame(permuted, collate(Array.from(order, (index) => graph.at(index))));
        const factors = Float32Array.from({ length: graph.length }, (_, i) => i - 0.5);
        const reordered = Float32Array.from(order, (index) => factors[index]!);
        expectSame(permuted.mul(reordered), graph.mul(factors).take(order));
        expectSame(
          permuted.linearCombination(reordered, [[0.5, permuted]]),
          graph.linearCombination(factors, [[0.5, graph]]).take(order),
        );
        expect(permuted.aggregate("sum")).toEqual(Float32Array.from(order, (index) => graph.aggregate("sum")[index]!));
        expect(permuted.squaredNorm()).toEqual(Float32Array.from(order, (index) => graph.squaredNorm()[index]!));
      }),
      { seed: 2, numRuns: 15 },
    );
  });

  it("takes molecules again and from the end", () => {
    const graph = randomGraph([3, 1, 5], 4);
    expectSame(graph.take([2, -1, 0]), collate([graph.at(2), graph.at(2), graph.at(0)]));
    expect(() => graph.take([3])).toThrowError(ArgumentError);
  });

  it("draws noise without centre of mass, equal in both directions of a bond, standard normal otherwise", () => {
    fc.assert(
      fc.property(raggedGraphs, (graph) => {
        expectAllClose(graph.centred().positions.data, graph.positions.data, { absolute: 1e-6 });
        expect(graph.symmetrised().bonds).toEqual(graph.bonds);
        const { nodeOffsets } = graph.structure;
        for (let m = 0; m < graph.length; m++) {
          const rows = graph.positions.slice(nodeOffsets[m], nodeOffsets[m + 1]).data;
          const sum = rows.reduce((total, value, j) => total + (j % 3 === 0 ? value : 0), 0);
          expect(Math.abs(sum)).toBeLessThan(1e-4);
        }
      }),
      { seed: 3, numRuns: 30 },
    );
    // n molecules of 5 atoms: 3 (5 - 1) free coordinates, 5 (5 + 6) of the nodes, 10 * 5 of the bonds.
    const n = 2000;
    const norms = randomGraph(new Array(n).fill(5), 5).squaredNorm();
    const dimension = 12 + 55 + 50;
    const mean = norms.reduce((total, norm) => total + norm, 0) / n;
    expect(Math.abs(mean - dimension)).toBeLessThan(5 * Math.sqrt((2 * dimension) / n));
    expect(randomGraph([1], 1).positions.data).toEqual(new Float32Array(3));
  });

  it("counts each bond once in sums, and every number alike in means", () => {
    const ones = MoleculeGraph.zeros([1, 3], { atomTypes: 2, charges: 1, bonds: 4 }).onesLike();
    expect(Array.from(ones.aggregate("sum"))).toEqual([6, 3 * 6 + 3 * 4]);
    expect(Array.from(ones.aggregate())).toEqual([1, 1]);
    const bondsOnly = ones.scale({ positions: 0, atomTypes: 0, charges: 0, bonds: 2 });
    expect(Array.from(bondsOnly.squaredNorm())).toEqual([0, 4 * 3 * 4]);
  });

  it("takes a coefficient for each feature, one number or one a molecule", () => {
    const graph = randomGraph([2, 4], 6);
    const scaled = graph.scale({
      positions: 1,
      atomTypes: 2,
      charges: Float32Array.of(3, 4),
      bonds: Float64Array.of(5, 6),
    });
    const [x, a, c, e] = arrays(graph);
    expect(scaled.positions.data).toEqual(x);
    expect(scaled.atomTypes.data).toEqual(a!.map((value) => 2 * value));
    expect(scaled.charges.data).toEqual(c!.map((value, j) => (j < 2 * 6 ? 3 : 4) * value));
    expect(scaled.bonds.data).toEqual(e!.map((value, j) => (j < 2 * 5 ? 5 : 6) * value));
    expect(() => graph.scale({ positions: 1, atomTypes: 2, charges: 3 })).toThrowError(
      /No coefficient for part "bonds"/,
    );
  });

  it("refuses to combine molecules of other sizes, even of as many atoms and edges in all", () => {
    const [graph, other] = [randomGraph([2, 3], 1), randomGraph([3, 2], 1)];
    expect(() => graph.combine(other, elementwise.add)).toThrowError(
      /molecules of \[2, 3\] and of \[3, 2\] atoms cannot be combined/,
    );
    for (const act of [() => graph.add(other), () => graph.linearCombination(1, [[1, other]])]) {
      expect(act).toThrowError(ShapeError);
    }
    expect(graph.combine(randomGraph([2, 3], 2), elementwise.add).length).toBe(2);
  });

  it("refuses features that do not fit the atoms", () => {
    const graph = randomGraph([2, 3], 1);
    const fields = {
      atomCounts: [2, 3],
      positions: graph.positions,
      atomTypes: graph.atomTypes,
      charges: graph.charges,
      bonds: graph.bonds,
    };
    expectSame(MoleculeGraph.from(fields), graph);
    expect(() => MoleculeGraph.from({ ...fields, atomCounts: [2, 2] })).toThrowError(
      /positions has shape \[5, 3\]; \[4, 3\] is needed for 2 molecules of 4 atoms and 4 directed edges/,
    );
    expect(() => MoleculeGraph.from({ ...fields, positions: Tensor.zeros([5, 2]) })).toThrowError(ShapeError);
    expect(() => MoleculeGraph.from({ ...fields, bonds: Tensor.zeros([5, 5]) })).toThrowError(
      /bonds has shape \[5, 5\]; \[8, 5\]/,
    );
    expect(() => new MoleculeGraph(graph.structure, [graph.positions])).toThrowError(/1 tensors were given/);
    expect(() => collate([graph, MoleculeGraph.zeros([2], { ...qm9Sizes, bonds: 4 })])).toThrowError(
      /bonds of 5 and of 4 columns cannot be joined/,
    );
    expect(() => MoleculeGraph.collate([])).toThrowError(ArgumentError);
  });

  it("makes gradients whose inner product with a direction is the slope", () => {
    const graph = randomGraph([3, 1, 6], 7);
    const direction = randomGraph([3, 1, 6], 8);
    // f = sum over all stored numbers of w sin(x): derivatives differ between the two directions of a bond.
    const weights = graph.tensors().map((tensor, k) => tensor.data.map((_, j) => Math.cos(3 * j + k)));
    const f = (at: MoleculeGraph): number =>
      at
        .tensors()
        .reduce((sum, { data }, k) => sum + data.reduce((part, x, j) => part + weights[k]![j]! * Math.sin(x), 0), 0);
    const derivatives = graph.tensors().map(
      ({ data, shape }, k) =>
        new Tensor(
          data.map((x, j) => weights[k]![j]! * Math.cos(x)),
          shape,
        ),
    );
    const gradient = graph.fromGradient(derivatives);
    const slope = gradient
      .mul(direction)
      .aggregate("sum")
      .reduce((sum, value) => sum + value, 0);
    const step = 1e-2;
    const numeric = (f(graph.add(direction.mul(step))) - f(graph.sub(direction.mul(step)))) / (2 * step);
    expect(Math.abs(slope - numeric)).toBeLessThan(2e-3 * Math.max(1, Math.abs(slope)));
    expect(gradient.symmetrised().bonds).toEqual(gradient.bonds);
  });

  it("makes cotangents for plain vector-Jacobian products", () => {
    const [cotangent, output] = [randomGraph([3, 4], 9), randomGraph([3, 4], 10)];
    const plain = cotangent
      .rawCotangents()
      .reduce((sum, { data }, k) => sum + data.reduce((part, c, j) => part + c * output.tensors()[k]!.data[j]!, 0), 0);
    const inSpace = cotangent
      .mul(output)
      .aggregate("sum")
      .reduce((sum, value) => sum + value, 0);
    expect(Math.abs(plain - inSpace)).toBeLessThan(1e-4);
    // The Jacobian of the identity is the identity, in the space as well.
    const back = output.fromGradient(cotangent.rawCotangents());
    for (const name of featureNames) {
      expectAllClose(back[name].data, cotangent[name].data, { absolute: 1e-6 });
    }
  });
});
