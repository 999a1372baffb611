import type { Application, OpDefinition } from "./definition.js";
import { broadcastType, inputType, isFloat, requireFloat, requireSameType, requireType } from "./inference.js";

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

/** A question about each float that is answered the same on both sides of almost every number. */
const question = (attributes: readonly string[]): OpDefinition => ({
  arity: [1, 1],
  attributes,
  infer: (node) => [{ type: "bool", shape: requireFloat(node).shape }],
  gradient: "none",
});

const bits: OpDefinition = {
  arity: [2, 2],
  attributes: [],
  infer: (node) => {
    const type = requireSameType(node);
    return isFloat(type) || type === "bool"
      ? node.fail(`has no bits of the type ${type}`)
      : [broadcastType(node, type)];
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
  Xor: logical,
  IsNaN: question([]),
  IsInf: question(["detect_negative", "detect_positive"]),
  BitwiseAnd: bits,
  BitwiseOr: bits,
  BitwiseXor: bits,
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
