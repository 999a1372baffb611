import type { Application, OpDefinition } from "./definition.js";
import { broadcastType, inputType, requireFloat, requireSameType, requireType } from "./inference.js";

const comparison: OpDefinition = {
  arity: [2, 2],
  attributes: [],
  infer: (node) => {
    requireSameType(node);
    return [broadcastType(node, "bool")];
  },
  // Piecewise constant.
  gradient: "none",
};

const logical: OpDefinition = {
  arity: [2, 2],
  attributes: [],
  infer: (node: Application) => {
    requireType(node, 0, ["bool"]);
    requireType(node, 1, ["bool"]);
    return [broadcastType(node, "bool")];
  },
  gradient: "none",
};

/** Comparisons and logic: conditions without a derivative. */
export const comparisonOps = {
  Equal: comparison,
  Greater: comparison,
  GreaterOrEqual: comparison,
  Less: comparison,
  LessOrEqual: comparison,
  And: logical,
  Or: logical,
  IsNaN: {
    arity: [1, 1],
    attributes: [],
    infer: (node) => [{ type: "bool", shape: requireFloat(node).shape }],
    gradient: "none",
  },
  Not: {
    arity: [1, 1],
    attributes: [],
    infer: (node) => {
      requireType(node, 0, ["bool"]);
      return [inputType(node, 0)];
    },
    gradient: "none",
  },
} satisfies Record<string, OpDefinition>;
