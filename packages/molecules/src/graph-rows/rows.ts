import { attribute, type GraphBuilder, type GraphValue } from "@diffusiongym/nn";

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
