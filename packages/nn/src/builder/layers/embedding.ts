import { type GraphBuilder, type GraphValue, normal } from "../graph/index.js";

/** Options of `embedding`. */
export interface EmbeddingOptions {
  /** The parameter's name is `<name>.weight`. */
  readonly name: string;
  /** Number of rows: indices are 0 to `count` - 1. */
  readonly count: number;
  /** Length of each row. */
  readonly dim: number;
}

/**
 * A trained row for every index, PyTorch's `nn.Embedding`: weight of shape [count, dim], started standard normal.
 * @param g the builder
 * @param indices of type int64 or int32 and any shape
 * @returns a value of shape [..., dim]
 */
export function embedding(g: GraphBuilder, indices: GraphValue, { name, count, dim }: EmbeddingOptions): GraphValue {
  return g.gather(g.parameter(`${name}.weight`, [count, dim], normal(1)), indices, 0);
}
