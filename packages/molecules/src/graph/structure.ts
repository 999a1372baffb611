import { ArgumentError } from "@diffusiongym/core";

/**
 * Which atoms and bonds belong to which molecule of a batch, in flat arrays. Every molecule is fully connected: n atoms
 * have n (n - 1) directed edges, first all upper ones (i < j, row-major), then the lower ones in the same order, so edge k
 * of the first half and edge k of the second half are the two directions of one bond.
 */
export interface GraphStructure {
  /** Atoms of each molecule, shape [n]. */
  readonly atomCounts: Int32Array;
  /** Nodes `nodeOffsets[i]` to `nodeOffsets[i + 1]` belong to molecule i; shape [n + 1]. */
  readonly nodeOffsets: Int32Array;
  /** Edges `edgeOffsets[i]` to `edgeOffsets[i + 1]` belong to molecule i; shape [n + 1]. */
  readonly edgeOffsets: Int32Array;
  /** The node from which each edge goes, counted over the whole batch; shape [E]. */
  readonly edgeSources: Int32Array;
  /** The node to which each edge goes, counted over the whole batch; shape [E]. */
  readonly edgeTargets: Int32Array;
}

/** The largest molecule: 2 000 atoms have 4 million edges. */
const mostAtoms = 2000;

/**
 * The structure of molecules of the given sizes.
 * @param atomCounts atoms of each molecule, whole numbers from 1 to 2000
 * @throws ArgumentError naming the molecule whose size is out of range
 */
export function graphStructure(atomCounts: ArrayLike<number>): GraphStructure {
  const n = atomCounts.length;
  const nodeOffsets = new Int32Array(n + 1);
  const edgeOffsets = new Int32Array(n + 1);
  for (let i = 0; i < n; i++) {
    const count = atomCounts[i]!;
    if (!(Number.isInteger(count) && count >= 1 && count <= mostAtoms)) {
      throw new ArgumentError(
        `atomCounts: molecule ${i} has ${count} atoms; a molecule has a whole number of atoms from 1 to ${mostAtoms}.`,
        "atomCounts",
        count,
      );
    }
    nodeOffsets[i + 1] = nodeOffsets[i]! + count;
    edgeOffsets[i + 1] = edgeOffsets[i]! + count * (count - 1);
  }
  const edgeSources = new Int32Array(edgeOffsets[n]!);
  const edgeTargets = new Int32Array(edgeOffsets[n]!);
  for (let m = 0; m < n; m++) {
    const [first, end] = [nodeOffsets[m]!, nodeOffsets[m + 1]!];
    const half = (edgeOffsets[m + 1]! - edgeOffsets[m]!) / 2;
    let edge = edgeOffsets[m]!;
    for (let i = first; i < end; i++) {
      for (let j = i + 1; j < end; j++) {
        edgeSources[edge] = i;
        edgeTargets[edge] = j;
        edgeSources[edge + half] = j;
        edgeTargets[edge + half] = i;
        edge++;
      }
    }
  }
  return { atomCounts: Int32Array.from(atomCounts), nodeOffsets, edgeOffsets, edgeSources, edgeTargets };
}

/** True when two batches hold molecules of the same sizes. Batches of one run share their structure, which is seen at once. */
export function sameStructure(a: GraphStructure, b: GraphStructure): boolean {
  return (
    a === b ||
    (a.atomCounts.length === b.atomCounts.length && a.atomCounts.every((count, i) => count === b.atomCounts[i]))
  );
}

/**
 * Where, among the n (n - 1) / 2 upper edges of a molecule, the bond between its atoms i and j is.
 * @param atoms number of atoms of the molecule
 * @param i an atom of the molecule, counted from 0
 * @param j another one
 */
export function upperEdge(atoms: number, i: number, j: number): number {
  const [low, high] = i < j ? [i, j] : [j, i];
  return low * atoms - (low * (low + 1)) / 2 + (high - low - 1);
}
