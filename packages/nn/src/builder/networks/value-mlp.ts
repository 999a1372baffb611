import { ArgumentError } from "@diffusiongym/core";
import { GraphBuilder, type GraphValue, type NetworkDefinition, zeros } from "../graph/index.js";
import { activate, fourierTimeFeatures, linear, type SmoothActivationName } from "../layers/index.js";

/** Configuration of `valueMlp`. */
export interface ValueMlpConfig {
  /** Entries a sample, for data that is one tensor of shape [N, inDim] called `x`. Give this or `inputs`. */
  readonly inDim?: number;
  /** Shape of one sample of each tensor by input name, for data of several tensors or of higher rank. */
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  /** Length of an extra input `conditioning` of shape [N, conditioningDim]; 0 for none. @default 0 */
  readonly conditioningDim?: number;
  /** Number of hidden layers. @default 3 */
  readonly depth?: number;
  /** Width of the hidden layers. @default 64 */
  readonly width?: number;
  /** A smooth one, because the gradient of the value is what steers. @default "silu" */
  readonly activation?: SmoothActivationName;
  /** Frequencies of the features of time, see `fourierTimeFeatures`. @default [1, 2], five features in all */
  readonly timeFrequencies?: readonly number[];
  /** Whether the last layer starts at 0, so that the value and its gradient do. @default true */
  readonly zeroStart?: boolean;
}

/**
 * A value network: entries of the sample, features of time (t, sin and cos of 2 pi t and 4 pi t) and conditioning, side by
 * side, through `depth` smooth layers to one number a sample. Inputs `x` (or those named) and `t` [N], output `value` [N];
 * parameters `layers.<i>.weight`, `layers.<i>.bias`, `head.weight`, `head.bias`.
 * @throws ArgumentError unless exactly one of `inDim` and `inputs` is given
 */
export function valueMlp(config: ValueMlpConfig): NetworkDefinition {
  const { inDim, conditioningDim = 0, depth = 3, width = 64, activation = "silu", zeroStart = true } = config;
  if ((inDim === undefined) === (config.inputs === undefined)) {
    throw new ArgumentError("valueMlp: give either inDim (one tensor) or inputs (named shapes).", "inDim", inDim);
  }
  const shapes = Object.entries(config.inputs ?? { x: [inDim!] });
  const g = new GraphBuilder("value");
  const tensors = shapes.map(([name, shape]) => flatten(g, g.input(name, ["N", ...shape])));
  const t = g.input("t", ["N"]);
  const extra = conditioningDim > 0 ? [g.input("conditioning", ["N", conditioningDim])] : [];
  let hidden = g.concat([...tensors, fourierTimeFeatures(g, t, config.timeFrequencies), ...extra], 1);
  for (let layer = 0; layer < depth; layer++) {
    hidden = activate(g, linear(g, hidden, { name: `layers.${layer}`, out: width }), activation);
  }
  const head = linear(g, hidden, { name: "head", out: 1, ...(zeroStart ? { initialization: zeros } : {}) });
  g.output("value", g.reshape(head, [-1]));
  return g.build();
}

/** All axes of a sample as one. */
function flatten(g: GraphBuilder, x: GraphValue): GraphValue {
  const size = x.shape.slice(1).reduce<number>((product, length) => product * (length as number), 1);
  return x.shape.length === 2 ? x : g.reshape(x, [-1, size]);
}
