import { RandomKey, Tensor } from "@diffusiongym/core";
import { MoleculeGraph, upperEdge } from "@diffusiongym/molecules";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomGraph } from "../support/graphs.js";
import { randomRotation, rotated } from "../support/rotations.js";
import { tinyModel } from "./tiny-model.js";

const model = tinyModel();
const cases = fc.tuple(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }), fc.nat(1000));

function forward(x: MoleculeGraph): Promise<MoleculeGraph> {
  return model.forward(x, new Float32Array(x.length).fill(0.4), {});
}

function withPositions(graph: MoleculeGraph, positions: ArrayLike<number>): MoleculeGraph {
  const [old, ...others] = graph.tensors();
  return graph.withTensors([new Tensor(Float32Array.from(positions), old!.shape), ...others]);
}

function largestDifference(a: MoleculeGraph, b: MoleculeGraph): number {
  const others = b.tensors();
  return Math.max(
    ...a
      .tensors()
      .map((tensor, k) =>
        tensor.data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - others[k]!.data[i]!)), 0),
      ),
  );
}

/** The molecules with their atoms in other orders: atom i of the result is atom order[i]. */
function reordered(graph: MoleculeGraph, order: ArrayLike<number>): MoleculeGraph {
  const { atomCounts, nodeOffsets, edgeOffsets } = graph.structure;
  const edges = new Int32Array(graph.bonds.shape[0]!);
  for (let m = 0; m < graph.length; m++) {
    const [n, first] = [atomCounts[m]!, nodeOffsets[m]!];
    const half = (n * (n - 1)) / 2;
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        const to = edgeOffsets[m]! + upperEdge(n, i, j);
        const from = edgeOffsets[m]! + upperEdge(n, order[first + i]! - first, order[first + j]! - first);
        edges[to] = from;
        edges[to + half] = from + half;
      }
    }
  }
  const rows = (tensor: Tensor, indices: ArrayLike<number>): Tensor => {
    const columns = tensor.shape[1]!;
    return new Tensor(
      Float32Array.from({ length: tensor.size }, (_, k) => {
        return tensor.data[indices[Math.floor(k / columns)]! * columns + (k % columns)]!;
      }),
      tensor.shape,
    );
  };
  const [positions, atomTypes, charges, bonds] = graph.tensors();
  return graph.withTensors([
    rows(positions!, order),
    rows(atomTypes!, order),
    rows(charges!, order),
    rows(bonds!, edges),
  ]);
}

describe("a FlowMol model", () => {
  it("turns with its molecules", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([counts, seed]) => {
        const x = randomGraph(counts, seed);
        const rotation = randomRotation(RandomKey.fromSeed(seed).stream());
        const turn = (graph: MoleculeGraph): MoleculeGraph =>
          withPositions(graph, rotated(graph.positions.data, rotation));
        expect(largestDifference(await forward(turn(x)), turn(await forward(x)))).toBeLessThan(2e-5);
      }),
      { seed: 1, numRuns: 15 },
    );
  });

  it("gives molecules without their centre of mass, wherever they are", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([counts, seed]) => {
        const x = randomGraph(counts, seed);
        const moved = withPositions(
          x,
          x.positions.data.map((value, i) => value + [1.5, -2, 0.25][i % 3]!),
        );
        const [a, b] = [await forward(x), await forward(moved)];
        expect(largestDifference(a, b)).toBeLessThan(2e-5);
        expect(largestDifference(a.centred(), a)).toBeLessThan(1e-6);
      }),
      { seed: 2, numRuns: 15 },
    );
  });

  it("does not care in which order the atoms of a molecule come", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([counts, seed]) => {
        const x = randomGraph(counts, seed);
        const stream = RandomKey.fromSeed(seed).stream();
        const order = Array.from(x.structure.atomCounts).flatMap((n, m) =>
          Array.from(stream.permutation(n), (i) => x.structure.nodeOffsets[m]! + i),
        );
        expect(largestDifference(await forward(reordered(x, order)), reordered(await forward(x), order))).toBeLessThan(
          2e-5,
        );
      }),
      { seed: 3, numRuns: 15 },
    );
  });

  it("gives both directions of a bond the same probabilities, and probabilities that sum to one", async () => {
    const output = await forward(randomGraph([6, 1, 4], 5));
    expect(largestDifference(output.symmetrised(), output)).toBe(0);
    for (const tensor of output.tensors().slice(1)) {
      const columns = tensor.shape[1]!;
      for (let row = 0; row < tensor.shape[0]!; row++) {
        const sum = tensor.data.subarray(row * columns, (row + 1) * columns).reduce((total, p) => total + p, 0);
        expect(sum).toBeCloseTo(1, 5);
      }
    }
  });

  it("takes molecules of one atom alone, and no molecules at all", async () => {
    const alone = await forward(randomGraph([1, 1], 6));
    expect(Array.from(alone.positions.data)).toEqual(new Array(6).fill(0));
    expect((await forward(MoleculeGraph.zeros([], model.sizes))).length).toBe(0);
  });

  it("sees mirror images as different when it has cross products", async () => {
    const x = randomGraph([6], 7);
    const mirror = withPositions(
      x,
      x.positions.data.map((value, i) => (i % 3 === 0 ? -value : value)),
    );
    const [a, b] = [await forward(x), await forward(mirror)];
    expect(largestDifference(withPositions(b, a.positions.data), a)).toBeGreaterThan(1e-5);
  });
});
