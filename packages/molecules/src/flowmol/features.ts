import type { GraphBuilder, GraphValue } from "@diffusiongym/nn";

/** Scalars [R, S] and vectors [R, 3, C] of the same rows. Channels come last, so that mixing them is one matrix product. */
export interface Features {
  readonly scalars: GraphValue;
  readonly vectors: GraphValue;
}

/** Smallest squared length; where a vector is shorter, its length has no gradient. */
const smallestSquare = 1e-8;

/** Squared lengths of vectors [R, 3, C], never below 1e-8. @returns [R, C], or [R, 1, C] with `keepAxis` */
export function squaredLengths(g: GraphBuilder, vectors: GraphValue, keepAxis = false): GraphValue {
  return g.max(g.reduceSum(g.square(vectors), { axes: [1], keepDims: keepAxis }), smallestSquare);
}

/** [R, 3, C] as [R, 3 C], and back. */
export function flattened(g: GraphBuilder, vectors: GraphValue): GraphValue {
  return g.reshape(vectors, [-1, 3 * Number(vectors.shape[2])]);
}

/** [R, 3 C] as [R, 3, C]. */
export function unflattened(g: GraphBuilder, rows: GraphValue): GraphValue {
  return g.reshape(rows, [-1, 3, Number(rows.shape[1]) / 3]);
}
