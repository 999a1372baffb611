import type { GraphBuilder, GraphValue } from "../graph/index.js";
import { type ActivationName, activate } from "./activations.js";
import { lastLength, linear } from "./linear.js";

/** Options of `feedForward`. */
export interface FeedForwardOptions {
  /** Parameter names are `<name>.net.0.proj.*` and `<name>.net.2.*`, as in the `FeedForward` of diffusers. */
  readonly name: string;
  /** Length of the hidden layer. @default 4 times the width of x */
  readonly inner?: number;
  /** Length of the result. @default the width of x */
  readonly out?: number;
  /** @default "gelu" */
  readonly activation?: ActivationName;
  /** Multiply by the activation of a second projection instead: GEGLU with `"gelu"`, SwiGLU with `"silu"` (arXiv 2002.05202). @default false */
  readonly gated?: boolean;
  /** Whether both layers have biases. @default true */
  readonly bias?: boolean;
}

/**
 * Linear(act(Linear(x))), the layer between the attentions of a transformer; gated, Linear(a act(b)) with [a, b] = Linear(x).
 * @param g the builder
 * @param x of shape [..., width]
 * @returns a value of shape [..., out]
 */
export function feedForward(g: GraphBuilder, x: GraphValue, options: FeedForwardOptions): GraphValue {
  const { name, activation = "gelu", gated = false, bias = true } = options;
  const width = lastLength(x, `feedForward "${name}"`);
  const { inner = 4 * width, out = width } = options;
  let hidden = linear(g, x, { name: `${name}.net.0.proj`, out: gated ? 2 * inner : inner, bias });
  if (gated) {
    const [value, control] = g.split(hidden, [inner, inner], hidden.shape.length - 1);
    hidden = g.mul(value!, activate(g, control!, activation));
  } else {
    hidden = activate(g, hidden, activation);
  }
  return linear(g, hidden, { name: `${name}.net.2`, out, bias });
}
