import type { GraphBuilder, GraphValue } from "../graph/index.js";
import { lastLength, linear } from "./linear.js";

/** Options of `film`. */
export interface FilmOptions {
  /** Parameter names are `<name>.to_scale_shift.weight` and `<name>.to_scale_shift.bias`. */
  readonly name: string;
  /** What the modulation depends on, of shape [N, cond]. */
  readonly conditioning: GraphValue;
}

/**
 * Feature-wise linear modulation (arXiv 1709.07871): x (1 + gamma) + beta with [gamma, beta] = Linear(conditioning).
 * @param g the builder
 * @param x of shape [N, width]
 */
export function film(g: GraphBuilder, x: GraphValue, { name, conditioning }: FilmOptions): GraphValue {
  const width = lastLength(x, `film "${name}"`);
  const modulation = linear(g, conditioning, { name: `${name}.to_scale_shift`, out: 2 * width });
  const [gamma, beta] = g.split(modulation, [width, width], 1);
  return g.add(g.mul(x, g.add(gamma!, 1)), beta!);
}
