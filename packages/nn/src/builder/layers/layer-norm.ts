import { attribute } from "../../ir/index.js";
import { type GraphBuilder, type GraphValue, ones, zeros } from "../graph/index.js";
import { lastLength } from "./linear.js";

/** Options of `layerNorm`. */
export interface LayerNormOptions {
  /** Parameter names are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  /** Whether the normalised entries are scaled and shifted by parameters, PyTorch's `elementwise_affine`. @default true */
  readonly affine?: boolean;
  /** Added to the variance. @default 1e-5 */
  readonly epsilon?: number;
}

/**
 * y = (x - mean) / sqrt(var + epsilon) * weight + bias over the last axis (arXiv 1607.06450), PyTorch's `nn.LayerNorm`.
 * @param g the builder
 * @param x of shape [..., width]
 */
export function layerNorm(g: GraphBuilder, x: GraphValue, options: LayerNormOptions): GraphValue {
  const { name, affine = true, epsilon = 1e-5 } = options;
  const width = lastLength(x, `layerNorm "${name}"`);
  const weight = affine ? g.parameter(`${name}.weight`, [width], ones) : g.floats(new Array<number>(width).fill(1));
  const bias = affine ? g.parameter(`${name}.bias`, [width], zeros) : undefined;
  const attributes = { axis: attribute.int(-1), epsilon: attribute.float(epsilon) };
  return g.emit("LayerNormalization", [x, weight, bias], { attributes })[0]!;
}
