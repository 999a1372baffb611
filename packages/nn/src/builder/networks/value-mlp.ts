import { ArgumentError } from "@diffusiongym/core";
import { GraphBuilder, type NetworkDefinition } from "../graph/index.js";
import { activate, linear } from "../layers/index.js";
import { flatten, timeAndConditioning, type ValueOptions, valueHead } from "./value-parts.js";

/** Configuration of `valueMlp`. */
export interface ValueMlpConfig extends ValueOptions {
  /** Entries a sample, for data that is one tensor of shape [N, inDim] called `x`. Give this or `inputs`. */
  readonly inDim?: number;
  /** Shape of one sample of each tensor by input name, for data of several tensors or of higher rank. */
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  /** Number of hidden layers. @default 3 */
  readonly depth?: number;
  /** Width of the hidden layers. @default 64 */
  readonly width?: number;
}

/**
 * A value network: entries of the sample, features of time (t, sin and cos of 2 pi t and 4 pi t) and conditioning, side by
 * side, through `depth` smooth layers to one number a sample. Inputs `x` (or those named) and `t` [N], output `value` [N];
 * parameters `layers.<i>.weight`, `layers.<i>.bias`, `head.weight`, `head.bias`.
 * @throws ArgumentError unless exactly one of `inDim` and `inputs` is given
 */
export function valueMlp(config: ValueMlpConfig): NetworkDefinition {
  const { inDim, depth = 3, width = 64, activation = "silu" } = config;
  if ((inDim === undefined) === (config.inputs === undefined)) {
    throw new ArgumentError("valueMlp: give either inDim (one tensor) or inputs (named shapes).", "inDim", inDim);
  }
  const shapes = Object.entries(config.inputs ?? { x: [inDim!] });
  const g = new GraphBuilder("value");
  const tensors = shapes.map(([name, shape]) => flatten(g, g.input(name, ["N", ...shape])));
  let hidden = g.concat([...tensors, ...timeAndConditioning(g, config)], 1);
  for (let layer = 0; layer < depth; layer++) {
    hidden = activate(g, linear(g, hidden, { name: `layers.${layer}`, out: width }), activation);
  }
  valueHead(g, hidden, config);
  return g.build();
}
