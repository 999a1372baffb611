import { requireKnown } from "@diffusiongym/core";
import { attribute } from "../../ir/index.js";
import type { GraphBuilder, GraphValue } from "../graph/index.js";

/** x sigmoid(x) (arXiv 1606.08415, section 4; also called swish). */
export function silu(g: GraphBuilder, x: GraphValue): GraphValue {
  return g.mul(x, g.sigmoid(x));
}

/**
 * x times the normal distribution function (arXiv 1606.08415).
 * @param approximation `"none"` uses erf, `"tanh"` PyTorch's `approximate="tanh"`, `"quick"` is x sigmoid(1.702 x). @default "none"
 */
export function gelu(g: GraphBuilder, x: GraphValue, approximation: "none" | "tanh" | "quick" = "none"): GraphValue {
  switch (approximation) {
    case "quick":
      return g.mul(x, g.sigmoid(g.mul(x, 1.702)));
    case "tanh": {
      const cubic = g.add(x, g.mul(g.mul(g.square(x), x), 0.044715));
      return g.mul(g.mul(x, 0.5), g.add(g.tanh(g.mul(cubic, Math.sqrt(2 / Math.PI))), 1));
    }
    case "none":
      return g.mul(g.mul(x, g.add(g.erf(g.div(x, Math.SQRT2)), 1)), 0.5);
  }
}

/** x tanh(log(1 + exp(x))) (arXiv 1908.08681). */
export function mish(g: GraphBuilder, x: GraphValue): GraphValue {
  return g.mul(x, g.tanh(g.softplus(x)));
}

/** x for x > 0, slope x elsewhere. @param slope PyTorch's `negative_slope`. @default 0.01 */
export function leakyRelu(g: GraphBuilder, x: GraphValue, slope = 0.01): GraphValue {
  return g.emit("LeakyRelu", [x], { attributes: { alpha: attribute.float(slope) } })[0]!;
}

/** x for x > 0, alpha (exp(x) - 1) elsewhere (arXiv 1511.07289). @param alpha minus the limit at minus infinity. @default 1 */
export function elu(g: GraphBuilder, x: GraphValue, alpha = 1): GraphValue {
  return g.emit("Elu", [x], { attributes: { alpha: attribute.float(alpha) } })[0]!;
}

/** The self-normalising 1.0507 elu(x, 1.6733) (arXiv 1706.02515), with the constants of PyTorch's `nn.SELU`. */
export function selu(g: GraphBuilder, x: GraphValue): GraphValue {
  const attributes = { alpha: attribute.float(1.6732632423543772), gamma: attribute.float(1.0507009873554805) };
  return g.emit("Selu", [x], { attributes })[0]!;
}

/** min(max(x / 6 + 1 / 2, 0), 1), PyTorch's `nn.Hardsigmoid`. */
export function hardSigmoid(g: GraphBuilder, x: GraphValue): GraphValue {
  const attributes = { alpha: attribute.float(1 / 6), beta: attribute.float(0.5) };
  return g.emit("HardSigmoid", [x], { attributes })[0]!;
}

/** x hardSigmoid(x) (arXiv 1905.02244, section 5.2), PyTorch's `nn.Hardswish`. */
export function hardSwish(g: GraphBuilder, x: GraphValue): GraphValue {
  return g.emit("HardSwish", [x])[0]!;
}

/** x cut to [low, high]. */
function clip(g: GraphBuilder, x: GraphValue, low: number, high: number): GraphValue {
  return g.emit("Clip", [x, g.scalar(low), g.scalar(high)])[0]!;
}

type Activation = (g: GraphBuilder, x: GraphValue) => GraphValue;

const smooth = {
  silu,
  swish: silu,
  gelu: (g, x) => gelu(g, x),
  geluTanh: (g, x) => gelu(g, x, "tanh"),
  geluQuick: (g, x) => gelu(g, x, "quick"),
  mish,
  tanh: (g, x) => g.tanh(x),
  sigmoid: (g, x) => g.sigmoid(x),
  logSigmoid: (g, x) => g.neg(g.softplus(g.neg(x))),
  softplus: (g, x) => g.softplus(x),
  /** Its derivative is continuous, its second derivative jumps at 0. */
  softsign: (g, x) => g.div(x, g.add(g.abs(x), 1)),
  elu: (g, x) => elu(g, x),
  identity: (_, x) => x,
} as const satisfies Record<string, Activation>;

const withCorners = {
  relu: (g, x) => g.relu(x),
  relu6: (g, x) => clip(g, x, 0, 6),
  leakyRelu: (g, x) => leakyRelu(g, x),
  selu,
  hardTanh: (g, x) => clip(g, x, -1, 1),
  hardSigmoid,
  hardSwish,
} as const satisfies Record<string, Activation>;

/** Name of an activation whose derivative is continuous, as a network whose gradient steers should have. */
export type SmoothActivationName = keyof typeof smooth;

/** Name of an activation function, with PyTorch's defaults: its `nn` name in this package's spelling. */
export type ActivationName = SmoothActivationName | keyof typeof withCorners;

const activations: Readonly<Record<ActivationName, Activation>> = { ...smooth, ...withCorners };

/** Names of all activation functions. */
export const activationNames = Object.keys(activations) as readonly ActivationName[];

/**
 * An activation function by name.
 * @throws ArgumentError for an unknown name, with the nearest one
 */
export function activate(g: GraphBuilder, x: GraphValue, name: ActivationName): GraphValue {
  requireKnown("There is no activation", name, activationNames, "activation");
  return activations[name](g, x);
}
