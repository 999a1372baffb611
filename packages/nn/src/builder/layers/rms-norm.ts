import { type GraphBuilder, type GraphValue, ones } from "../graph/index.js";
import { lastLength } from "./linear.js";

/** Options of `rmsNorm`. */
export interface RmsNormOptions {
  /** The parameter's name is `<name>.weight`. */
  readonly name: string;
  /** Added to the mean square. @default 2^-23, the spacing of float32 at 1, as PyTorch's */
  readonly epsilon?: number;
}

/**
 * y = x / sqrt(mean(x^2) + epsilon) * weight over the last axis (arXiv 1910.07467), PyTorch's `nn.RMSNorm`.
 * @param g the builder
 * @param x of shape [..., width]
 */
export function rmsNorm(g: GraphBuilder, x: GraphValue, { name, epsilon = 2 ** -23 }: RmsNormOptions): GraphValue {
  const width = lastLength(x, `rmsNorm "${name}"`);
  const meanSquare = g.reduceMean(g.square(x), { axes: [-1], keepDims: true });
  const weight = g.parameter(`${name}.weight`, [width], ones);
  return g.mul(g.div(x, g.sqrt(g.add(meanSquare, epsilon))), weight);
}
