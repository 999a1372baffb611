import { type Attributes, attribute } from "../../src/ir/index.js";
import type { OpName } from "../../src/ops/index.js";
import { floats, type OpCase, one, separated, unary } from "./case-helpers.js";
import type { TestTensor } from "./run-graph.js";

const activation = (op: OpName, attributes: Attributes, x: TestTensor = separated([2, 4])): OpCase[] => [
  { inputs: { x }, ...one(op, attributes) },
];

/** Shapes of the operands, and what becomes of them; `dynamic` only where every letter's axes are of one length. */
const einsum = (equation: string, ...shapes: readonly (readonly number[])[]): OpCase => ({
  inputs: Object.fromEntries(shapes.map((shape, i) => [`x${i}`, floats(shape, -1, 1, i + 1)])),
  ...one("Einsum", { equation: attribute.string(equation) }),
});

/** Cases of functions of one number, and of sums of products: see `opCases`. */
export const functionCases = {
  Tan: unary("Tan", floats([2, 3], -0.8, 0.8)),
  Asin: unary("Asin", floats([2, 3], -0.6, 0.6)),
  Acos: unary("Acos", floats([2, 3], -0.6, 0.6)),
  Atan: unary("Atan", floats([2, 3], -2, 2)),
  Sinh: unary("Sinh", floats([2, 3])),
  Cosh: unary("Cosh", floats([2, 3])),
  Asinh: unary("Asinh", floats([2, 3], -2, 2)),
  Acosh: unary("Acosh", floats([2, 3], 1.6, 3)),
  Atanh: unary("Atanh", floats([2, 3], -0.5, 0.5)),
  Celu: activation("Celu", { alpha: attribute.float(0.7) }),
  ThresholdedRelu: activation("ThresholdedRelu", { alpha: attribute.float(0.4) }),
  Shrink: activation("Shrink", { lambd: attribute.float(0.4), bias: attribute.float(0.2) }),
  Softsign: activation("Softsign", {}),
  Einsum: [
    einsum("ij,jk->ik", [2, 3], [3, 2]),
    einsum("bij, bkj -> bik", [2, 2, 3], [2, 2, 3]),
    einsum("ij,jk", [2, 3], [3, 2]),
    // What only one operand has is summed there.
    einsum("ij,k->k", [2, 3], [2]),
    einsum("ij->", [2, 3]),
    einsum("ij->ji", [2, 3]),
    einsum("i,i->i", [3], [3]),
    einsum("i,j,i->ij", [3], [2], [3]),
    // A letter that no operand has in full.
    einsum("ij,ij->i", [2, 1], [2, 3]),
    // Ellipses; the runtime demands one length of them all.
    einsum("...ij,...jk->...ik", [2, 1, 2], [2, 2, 2]),
    einsum("i...->...", [3, 2]),
    einsum("...i,...i", [2, 3], [2, 3]),
    // Diagonals.
    einsum("ii->i", [3, 3]),
    einsum("ii->", [3, 3]),
    einsum("bii,bi->b", [2, 2, 2], [2, 2]),
    einsum("iij->j", [2, 2, 3]),
  ].map((entry): OpCase => ({ ...entry, dynamic: "batch" })),
} satisfies { readonly [O in OpName]?: readonly OpCase[] };
