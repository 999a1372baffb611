import { ArgumentError } from "@diffusiongym/core";

/**
 * The permutation p that minimises sum_i cost[i, p(i)], by the Hungarian method with potentials and shortest augmenting
 * paths (Jonker and Volgenant 1987), O(n^3).
 * @param cost finite numbers, row-major, shape [n, n]
 * @param n number of rows, and of columns
 * @returns p, shape [n]: row i is given column p[i]
 * @throws ArgumentError when a cost is not finite, or their number is not n^2
 */
export function minimumAssignment(cost: Float64Array, n: number): Int32Array {
  if (cost.length !== n * n || !cost.every(Number.isFinite)) {
    throw new ArgumentError(`minimumAssignment needs ${n} x ${n} finite costs; got ${cost.length} numbers.`, "cost");
  }
  // Columns are counted from 1; column 0 is where the row that looks for a place stands.
  const rowPotential = new Float64Array(n);
  const columnPotential = new Float64Array(n + 1);
  const rowOf = new Int32Array(n + 1).fill(-1);
  const previous = new Int32Array(n + 1);
  const distance = new Float64Array(n + 1);
  const done = new Uint8Array(n + 1);
  for (let row = 0; row < n; row++) {
    rowOf[0] = row;
    distance.fill(Number.POSITIVE_INFINITY);
    done.fill(0);
    let column = 0;
    while (rowOf[column]! >= 0) {
      done[column] = 1;
      const current = rowOf[column]!;
      let step = Number.POSITIVE_INFINITY;
      let nearest = 0;
      for (let j = 1; j <= n; j++) {
        if (done[j]) {
          continue;
        }
        const reduced = cost[current * n + j - 1]! - rowPotential[current]! - columnPotential[j]!;
        if (reduced < distance[j]!) {
          distance[j] = reduced;
          previous[j] = column;
        }
        if (distance[j]! < step) {
          step = distance[j]!;
          nearest = j;
        }
      }
      for (let j = 0; j <= n; j++) {
        if (done[j]) {
          rowPotential[rowOf[j]!]! += step;
          columnPotential[j]! -= step;
        } else {
          distance[j]! -= step;
        }
      }
      column = nearest;
    }
    while (column !== 0) {
      rowOf[column] = rowOf[previous[column]!]!;
      column = previous[column]!;
    }
  }
  const assignment = new Int32Array(n);
  for (let j = 1; j <= n; j++) {
    assignment[rowOf[j]!] = j - 1;
  }
  return assignment;
}
