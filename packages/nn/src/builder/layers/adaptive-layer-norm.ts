import { ShapeError } from "@diffusiongym/core";
import { type GraphBuilder, type GraphValue, zeros } from "../graph/index.js";
import { silu } from "./activations.js";
import { layerNorm } from "./layer-norm.js";
import { lastLength, linear } from "./linear.js";

/** Options of `adaptiveLayerNorm`. */
export interface AdaptiveLayerNormOptions {
  /** Parameter names are `<name>.linear.weight` and `<name>.linear.bias`, which start at zero. */
  readonly name: string;
  /** What the modulation depends on, of shape [N, any]. */
  readonly conditioning: GraphValue;
  /** Added to the variance. @default 1e-6 */
  readonly epsilon?: number;
}

/**
 * LayerNorm(x) (1 + scale) + shift with [shift, scale] = Linear(SiLU(conditioning)), "adaLN" (arXiv 2212.09748, section 3.2).
 * It starts as a layer norm without parameters.
 * @param g the builder
 * @param x of shape [N, ..., width]
 */
export function adaptiveLayerNorm(g: GraphBuilder, x: GraphValue, options: AdaptiveLayerNormOptions): GraphValue {
  const [shift, scale] = modulations(g, x, { ...options, count: 2 });
  return modulated(g, x, { ...options, shift: shift!, scale: scale! });
}

/** Options of `adaptiveLayerNormZero`. */
export interface AdaptiveLayerNormZeroOptions extends AdaptiveLayerNormOptions {
  /** What is added in turn: in a block of a diffusion transformer attention, then a feed-forward network. Each keeps the shape. */
  readonly branches: readonly ((normalised: GraphValue) => GraphValue)[];
}

/**
 * x + gate branch(LayerNorm(x) (1 + scale) + shift), one branch after the other, with [shift, scale, gate] of all branches
 * = Linear(SiLU(conditioning)), "adaLN-Zero" (arXiv 2212.09748, section 3.2). It starts as the identity.
 *
 *     adaptiveLayerNormZero(g, x, {
 *       name: "blocks.0.norm1",
 *       conditioning,
 *       branches: [
 *         (h) => attention(g, h, { name: "blocks.0.attn", heads: 4 }),
 *         (h) => feedForward(g, h, { name: "blocks.0.ff", activation: "geluTanh" }),
 *       ],
 *     });
 *
 * @param g the builder
 * @param x of shape [N, ..., width]
 */
export function adaptiveLayerNormZero(
  g: GraphBuilder,
  x: GraphValue,
  options: AdaptiveLayerNormZeroOptions,
): GraphValue {
  const parts = modulations(g, x, { ...options, count: 3 * options.branches.length });
  return options.branches.reduce((sum, branch, index) => {
    const [shift, scale, gate] = parts.slice(3 * index, 3 * index + 3);
    const change = branch(modulated(g, sum, { ...options, shift: shift!, scale: scale! }));
    return g.add(sum, g.mul(gate!, change));
  }, x);
}

interface Modulation extends AdaptiveLayerNormOptions {
  readonly shift: GraphValue;
  readonly scale: GraphValue;
}

function modulated(g: GraphBuilder, x: GraphValue, { name, epsilon = 1e-6, shift, scale }: Modulation): GraphValue {
  return g.add(g.mul(layerNorm(g, x, { name, affine: false, epsilon }), g.add(scale, 1)), shift);
}

/** So many vectors [N, 1, ..., width] from the conditioning. */
function modulations(
  g: GraphBuilder,
  x: GraphValue,
  { name, conditioning, count }: AdaptiveLayerNormOptions & { readonly count: number },
): GraphValue[] {
  const width = lastLength(x, `adaptiveLayerNorm "${name}"`);
  if (conditioning.shape.length !== 2 || x.shape.length < 2) {
    throw new ShapeError(
      `adaptiveLayerNorm "${name}": the conditioning has the shape [${conditioning.shape.join(", ")}] and x ` +
        `[${x.shape.join(", ")}]; [N, any] and [N, ..., width] are needed.`,
    );
  }
  const projection = { name: `${name}.linear`, out: count * width, initialization: zeros };
  const projected = linear(g, silu(g, conditioning), projection);
  const between = x.shape.slice(2).map((_, axis) => axis + 1);
  const spread = between.length > 0 ? g.unsqueeze(projected, between) : projected;
  return g.split(spread, new Array<number>(count).fill(width), x.shape.length - 1);
}
