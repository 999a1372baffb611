import { ArgumentError, nearestName } from "@diffusiongym/core";
import type { GraphBuilder, GraphValue } from "./graph-builder.js";

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

const activations = {
  silu,
  gelu: (g: GraphBuilder, x: GraphValue) => gelu(g, x),
  relu: (g: GraphBuilder, x: GraphValue) => g.relu(x),
  tanh: (g: GraphBuilder, x: GraphValue) => g.tanh(x),
  softplus: (g: GraphBuilder, x: GraphValue) => g.softplus(x),
} as const;

/** Name of an activation function. All but `relu` are smooth, which a network whose gradient is used should be. */
export type ActivationName = keyof typeof activations;

/**
 * An activation function by name.
 * @throws ArgumentError for an unknown name, with the nearest one
 */
export function activate(g: GraphBuilder, x: GraphValue, name: ActivationName): GraphValue {
  if (!Object.hasOwn(activations, name)) {
    const nearest = nearestName(name, Object.keys(activations));
    throw new ArgumentError(
      `There is no activation "${name}"; there are ${Object.keys(activations).join(", ")}` +
        `${nearest === undefined ? "" : `. Did you mean "${nearest}"?`}.`,
      "activation",
      name,
    );
  }
  return activations[name](g, x);
}
