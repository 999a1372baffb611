import type { ValueInfo } from "../ir/index.js";
import type { Differentiation, OpDefinition } from "./definition.js";
import { requireFloat } from "./inference.js";

/** An elementwise function y = f(x) of floats; `rule` turns dy into dx. */
export function smooth(rule: (node: Differentiation, gradient: ValueInfo) => ValueInfo): OpDefinition {
  return {
    arity: [1, 1],
    attributes: [],
    infer: (node) => [requireFloat(node)],
    gradient: (node) => {
      const gradient = node.cotangent(0);
      return gradient && rule(node, gradient);
    },
  };
}
