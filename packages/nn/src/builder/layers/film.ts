import { ShapeError } from "@diffusiongym/core";
import type { GraphBuilder, GraphValue } from "../graph/index.js";
import { channelsOf } from "./convolution.js";
import { lastLength, linear } from "./linear.js";

/** Options of `film`. */
export interface FilmOptions {
  /** Parameter names are `<name>.to_scale_shift.weight` and `<name>.to_scale_shift.bias`. */
  readonly name: string;
  /** What the modulation depends on, of shape [N, cond]. */
  readonly conditioning: GraphValue;
  /** Which axis is modulated: the last, or the second, as for images [N, channels, H, W]. @default "last" */
  readonly features?: "last" | "channels";
}

/**
 * Feature-wise linear modulation (arXiv 1709.07871): x (1 + gamma) + beta with [gamma, beta] = Linear(conditioning).
 * @param g the builder
 * @param x of shape [N, ..., width], or [N, width, ...] with `features: "channels"`
 * @throws ShapeError when x has less than two axes
 */
export function film(g: GraphBuilder, x: GraphValue, options: FilmOptions): GraphValue {
  const { name, conditioning, features = "last" } = options;
  const rank = x.shape.length;
  if (rank < 2) {
    throw new ShapeError(`film "${name}": "${x.name}" has the shape [${x.shape.join(", ")}]; two axes are needed.`);
  }
  const width = features === "last" ? lastLength(x, `film "${name}"`) : channelsOf(x, `film "${name}"`);
  const axis = features === "last" ? rank - 1 : 1;
  const modulation = linear(g, conditioning, { name: `${name}.to_scale_shift`, out: 2 * width });
  const others = x.shape.flatMap((_, at) => (at === 0 || at === axis ? [] : [at]));
  const [gamma, beta] = g
    .split(modulation, [width, width], 1)
    .map((part) => (others.length > 0 ? g.unsqueeze(part, others) : part));
  return g.add(g.mul(x, g.add(gamma!, 1)), beta!);
}
