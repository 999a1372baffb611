import { type GraphBuilder, type GraphValue, zeros } from "../graph/index.js";
import { fourierTimeFeatures, linear, type SmoothActivationName } from "../layers/index.js";

/** What the configurations of all value networks share. */
export interface ValueOptions {
  /** Length of an extra input `conditioning` of shape [N, conditioningDim]; 0 for none. @default 0 */
  readonly conditioningDim?: number;
  /** A smooth one, because the gradient of the value is what steers. @default "silu" */
  readonly activation?: SmoothActivationName;
  /** Frequencies of the features of time, see `fourierTimeFeatures`. @default [1, 2], five features in all */
  readonly timeFrequencies?: readonly number[];
  /** Whether the last layer starts at 0, so that the value and its gradient do. @default true */
  readonly zeroStart?: boolean;
  /**
   * What the last layer's bias starts at. A value that starts near its mean, minus lambda times the base model's mean reward, need not
   * learn that constant first; it steers no more than 0 does.
   * @default 0, or drawn without `zeroStart`
   */
  readonly initialValue?: number;
}

/** Declares the inputs `t` and, where there is one, `conditioning`: features of time and the conditioning, [N, any] each. */
export function timeAndConditioning(g: GraphBuilder, options: ValueOptions): GraphValue[] {
  const { conditioningDim = 0, timeFrequencies } = options;
  const time = fourierTimeFeatures(g, g.input("t", ["N"]), timeFrequencies);
  return conditioningDim > 0 ? [time, g.input("conditioning", ["N", conditioningDim])] : [time];
}

/** The output `value` [N]: a linear layer `head` of features [N, any]. */
export function valueHead(g: GraphBuilder, features: GraphValue, options: ValueOptions): void {
  const { zeroStart = true, initialValue } = options;
  const head = linear(g, features, {
    name: "head",
    out: 1,
    ...(zeroStart && { initialization: zeros }),
    ...(initialValue !== undefined && { biasInitialization: { kind: "constant", value: initialValue } }),
  });
  g.output("value", g.reshape(head, [-1]));
}

/** All axes of a sample as one. */
export function flatten(g: GraphBuilder, x: GraphValue): GraphValue {
  const size = x.shape.slice(1).reduce<number>((product, length) => product * (length as number), 1);
  return x.shape.length === 2 ? x : g.reshape(x, [-1, size]);
}
