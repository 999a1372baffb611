import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { constantTensor, type Initialization } from "../../ir/index.js";
import { type GraphBuilder, type GraphValue, kaimingUniform, xavierUniform, zeros } from "../graph/index.js";
import { lastLength, linear } from "./linear.js";

/** What attention weights depend on, beside queries and keys. */
export interface AttentionMasking {
  /**
   * Which keys a query sees, [T, S], or [N, heads, T, S] where axes may be 1: of type bool, true where it does (as in PyTorch's
   * `scaled_dot_product_attention`; `nn.MultiheadAttention` means the opposite), or of floats that are added to the scores.
   * A query that sees no key weighs all alike.
   * @default every query sees every key
   */
  readonly mask?: GraphValue | undefined;
  /** Let a query see the keys up to its own position only. @default false */
  readonly causal?: boolean;
}

/** Options of `dotProductAttention`. */
export interface DotProductOptions extends AttentionMasking {
  /** Of shape [..., T, d], with `d` a number unless `scale` is given. */
  readonly query: GraphValue;
  /** Of shape [..., S, d]. */
  readonly key: GraphValue;
  /** Of shape [..., S, e]. */
  readonly value: GraphValue;
  /** Factor of the scores. @default 1 / sqrt(d) */
  readonly scale?: number;
}

/**
 * softmax(scale Q K^T + mask) V (arXiv 1706.03762, section 3.2.1).
 * @param g the builder
 * @returns a value of shape [..., T, e]
 */
export function dotProductAttention(g: GraphBuilder, options: DotProductOptions): GraphValue {
  const { query, key, value, mask, causal = false } = options;
  const { scale = 1 / Math.sqrt(lastLength(query, "dotProductAttention")) } = options;
  const last = key.shape.length - 1;
  const swapped = key.shape.map((_, axis) => (axis === last ? last - 1 : axis === last - 1 ? last : axis));
  let scores = g.matMul(g.mul(query, scale), g.transpose(key, swapped));
  if (mask !== undefined) {
    scores = g.add(scores, additive(g, mask));
  }
  if (causal) {
    scores = g.add(scores, additive(g, earlierKeys(g, query, key)));
  }
  return g.matMul(g.softmax(scores), value);
}

/** The lowest float32: far enough from any score to leave no weight, and no infinity, which a row of them would turn to NaN. */
const lowest = -3.4028234663852886e38;

function additive(g: GraphBuilder, mask: GraphValue): GraphValue {
  return mask.type === "bool" ? g.where(mask, g.scalar(0), g.scalar(lowest)) : mask;
}

/** A [T, S] mask that is true where the key is not later than the query. */
function earlierKeys(g: GraphBuilder, query: GraphValue, key: GraphValue): GraphValue {
  const [rows, columns] = [query, key].map((tensor) => tensor.shape[tensor.shape.length - 2]!);
  if (typeof rows === "number" && typeof columns === "number") {
    const data = Uint8Array.from({ length: rows * columns }, (_, i) =>
      i % columns <= Math.floor(i / columns) ? 1 : 0,
    );
    return g.constant(constantTensor("bool", [rows, columns], data));
  }
  const positions = (tensor: GraphValue, axis: number): GraphValue => {
    const at = tensor.shape.length - 2;
    const length = g.squeeze(g.slice(g.shapeOf(tensor), { starts: [at], ends: [at + 1], axes: [0] }), [0]);
    return g.unsqueeze(g.emit("Range", [g.scalar(0, "int64"), length, g.scalar(1, "int64")])[0]!, [axis]);
  };
  return g.not(g.greater(positions(key, 0), positions(query, 1)));
}

/** Options that both layouts of multi-head attention share. */
interface MultiHeadOptions extends AttentionMasking {
  /** Number of heads. @default 1 */
  readonly heads?: number;
  /** What keys and values are made from, of shape [N, S, any]. @default x, which is self-attention */
  readonly context?: GraphValue | undefined;
}

/** Options of `attention`. */
export interface AttentionOptions extends MultiHeadOptions {
  /** Parameter names are `<name>.to_q.*`, `<name>.to_k.*`, `<name>.to_v.*` and `<name>.to_out.0.*`. */
  readonly name: string;
  /** Length of each head. @default width / heads */
  readonly headDim?: number;
  /** Whether queries, keys and values have biases; the output always has. @default true */
  readonly bias?: boolean;
  /** Start of the output's weight, and of its bias. @default that of `linear` */
  readonly outInitialization?: Initialization;
}

/**
 * Multi-head attention over sequences (arXiv 1706.03762, section 3.2.2) with a matrix each for queries, keys, values and
 * output, parameters named as by the `Attention` of diffusers.
 * @param g the builder
 * @param x of shape [N, T, width]
 * @returns a value of shape [N, T, width]
 * @throws ArgumentError when the heads do not divide the width and no `headDim` is given
 */
export function attention(g: GraphBuilder, x: GraphValue, options: AttentionOptions): GraphValue {
  const { name, heads = 1, context = x, bias = true, outInitialization } = options;
  const width = lastLength(x, `attention "${name}"`);
  const headDim = options.headDim ?? dividedWidth(`attention "${name}"`, width, heads);
  const project = (from: GraphValue, part: string): GraphValue =>
    linear(g, from, { name: `${name}.${part}`, out: heads * headDim, bias });
  const [query, key, value] = [project(x, "to_q"), project(context, "to_k"), project(context, "to_v")];
  const mixed = overHeads(g, { ...options, query, key, value, heads });
  return linear(g, mixed, {
    name: `${name}.to_out.0`,
    out: width,
    ...(outInitialization && { initialization: outInitialization }),
  });
}

/** Options of `multiheadAttention`. */
export interface MultiheadAttentionOptions extends MultiHeadOptions {
  /**
   * Parameter names are `<name>.in_proj_weight`, `<name>.in_proj_bias`, `<name>.out_proj.weight` and `<name>.out_proj.bias`;
   * where the context has another width than x, `<name>.q_proj_weight`, `<name>.k_proj_weight` and `<name>.v_proj_weight`
   * stand for the first.
   */
  readonly name: string;
  /** Whether all projections have biases. @default true */
  readonly bias?: boolean;
}

/**
 * Multi-head attention in the layout and with the start of PyTorch's `nn.MultiheadAttention` (batch first, no dropout): one
 * matrix [3 width, width] for queries, keys and values.
 * @param g the builder
 * @param x of shape [N, T, width]
 * @returns a value of shape [N, T, width]
 * @throws ArgumentError when the heads do not divide the width
 */
export function multiheadAttention(g: GraphBuilder, x: GraphValue, options: MultiheadAttentionOptions): GraphValue {
  const { name, heads = 1, context = x, bias = true } = options;
  const layer = `multiheadAttention "${name}"`;
  const width = lastLength(x, layer);
  dividedWidth(layer, width, heads);
  const [query, key, value] = packedProjections(g, { x, context, name, width, bias });
  const mixed = overHeads(g, { ...options, query: query!, key: key!, value: value!, heads });
  const weight = g.parameter(`${name}.out_proj.weight`, [width, width], kaimingUniform(width));
  const product = g.matMul(mixed, g.transpose(weight));
  return bias ? g.add(product, g.parameter(`${name}.out_proj.bias`, [width], zeros)) : product;
}

interface PackedProjection {
  readonly x: GraphValue;
  readonly context: GraphValue;
  readonly name: string;
  readonly width: number;
  readonly bias: boolean;
}

function packedProjections(g: GraphBuilder, { x, context, name, width, bias }: PackedProjection): GraphValue[] {
  const contextWidth = lastLength(context, `multiheadAttention "${name}"`);
  const thirds = [width, width, width];
  const isPacked = contextWidth === width;
  const weights = isPacked
    ? undefined
    : ["q", "k", "v"].map((part) => {
        const inner = part === "q" ? width : contextWidth;
        return g.parameter(`${name}.${part}_proj_weight`, [width, inner], xavierUniform(inner, width));
      });
  const packed = isPacked
    ? g.parameter(`${name}.in_proj_weight`, [3 * width, width], xavierUniform(width, 3 * width))
    : undefined;
  const shift = bias ? g.parameter(`${name}.in_proj_bias`, [3 * width], zeros) : undefined;
  if (packed && context === x) {
    const product = g.matMul(x, g.transpose(packed));
    return g.split(shift ? g.add(product, shift) : product, thirds, x.shape.length - 1);
  }
  const shifts = shift && g.split(shift, thirds, 0);
  return (weights ?? g.split(packed!, thirds, 0)).map((weight, part) => {
    const product = g.matMul(part === 0 ? x : context, g.transpose(weight));
    return shifts ? g.add(product, shifts[part]!) : product;
  });
}

function dividedWidth(layer: string, width: number, heads: number): number {
  if (!Number.isInteger(heads) || heads < 1 || width % heads !== 0) {
    throw new ArgumentError(`${layer}: ${heads} heads do not divide the width ${width}.`, "heads", heads);
  }
  return width / heads;
}

/** Attention of every head for itself: [N, T, heads d] from queries, keys and values of that layout. */
function overHeads(g: GraphBuilder, options: DotProductOptions & { readonly heads: number }): GraphValue {
  const { query, key, value, heads, mask } = options;
  if (mask && mask.shape.length !== 2 && mask.shape.length !== 4) {
    throw new ShapeError(
      `attention: the mask has the shape [${mask.shape.join(", ")}]; [T, S] or [N, heads, T, S] is needed, where N, heads and T may be 1.`,
    );
  }
  if (heads === 1) {
    // Without the axis of heads nothing needs to be moved; a mask that has it is brought to three axes.
    const flat = mask && mask.shape.length === 4 ? g.squeeze(mask, [1]) : mask;
    return dotProductAttention(g, { ...options, mask: flat });
  }
  const split = (tensor: GraphValue): GraphValue => {
    const length = lastLength(tensor, "attention") / heads;
    return g.transpose(g.reshape(tensor, [0, 0, heads, length]), [0, 2, 1, 3]);
  };
  const mixed = dotProductAttention(g, { ...options, query: split(query), key: split(key), value: split(value) });
  return g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [0, 0, lastLength(value, "attention")]);
}
