import type { GraphBuilder, GraphValue } from "@diffusiongym/nn";
import { attribute } from "@diffusiongym/nn";

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

/** Rows of a value by index. @param indices int64, shape [E, 1] */
export function takeRows(g: GraphBuilder, value: GraphValue, indices: GraphValue): GraphValue {
  // GatherND, not Gather: its derivative adds whole rows, which the runtime does several times faster than entries.
  return g.emit("GatherND", [value, indices])[0]!;
}

/**
 * Sums rows by index: row r of the result is the sum of the rows e with indices[e] = r.
 * @param like a value with as many rows as the result
 */
export function addRows(g: GraphBuilder, rows: GraphValue, indices: GraphValue, like: GraphValue): GraphValue {
  const [width] = rows.shape.slice(1);
  const zeros = g.expand(
    g.floats(new Array<number>(Number(width)).fill(0), [1, Number(width)]),
    g.concat([g.slice(g.shapeOf(like), { starts: [0], ends: [1], axes: [0] }), g.integers([Number(width)])], 0),
  );
  return g.emit("ScatterND", [zeros, indices, rows], { attributes: { reduction: attribute.string("add") } })[0]!;
}

/** [R, 3, C] as [R, 3 C], and back. */
export function flattened(g: GraphBuilder, vectors: GraphValue): GraphValue {
  return g.reshape(vectors, [-1, 3 * Number(vectors.shape[2])]);
}

/** [R, 3 C] as [R, 3, C]. */
export function unflattened(g: GraphBuilder, rows: GraphValue): GraphValue {
  return g.reshape(rows, [-1, 3, Number(rows.shape[1]) / 3]);
}
