import { attribute, constantTensor } from "../../src/ir/index.js";
import type { OpName } from "../../src/ops/index.js";
import { betweenSteps, booleans, integers, type OpCase, one, separated, unary } from "./case-helpers.js";

const { int } = attribute;

const comparison = (op: OpName): OpCase[] => [
  { inputs: { a: separated([2, 3]), b: separated([3], 0.2) }, ...one(op) },
  { inputs: { a: integers([1, 2, 3, 4], [2, 2]), b: integers([2, 4], [2, 1]) }, ...one(op) },
];

const logical = (op: OpName): OpCase[] => [
  { inputs: { a: booleans([1, 0, 1, 0], [2, 2]), b: booleans([1, 0], [2, 1]) }, ...one(op) },
];

const bitwise = (op: OpName): OpCase[] => [
  { inputs: { a: integers([6, 3, 9, -1], [2, 2]), b: integers([5, 12], [2]) }, ...one(op) },
];

const largest = (op: OpName): OpCase[] => [
  { inputs: { x: separated([2, 3]) }, ...one(op) },
  { inputs: { x: separated([2, 3, 2]) }, ...one(op, { axis: int(-1), keepdims: int(0) }) },
];

/** Cases of operators whose outputs do not change with small changes of their inputs: see `opCases`. */
export const discreteCases = {
  Equal: comparison("Equal"),
  Greater: comparison("Greater"),
  GreaterOrEqual: comparison("GreaterOrEqual"),
  Less: comparison("Less"),
  LessOrEqual: comparison("LessOrEqual"),
  And: logical("And"),
  Or: logical("Or"),
  Xor: logical("Xor"),
  Not: [{ inputs: { a: booleans([1, 0, 1], [3, 1]) }, ...one("Not") }],
  IsNaN: unary("IsNaN", separated([2, 3])),
  IsInf: [{ inputs: { x: separated([2, 3]) }, ...one("IsInf", { detect_negative: int(0) }) }],
  BitwiseAnd: bitwise("BitwiseAnd"),
  BitwiseOr: bitwise("BitwiseOr"),
  BitwiseXor: bitwise("BitwiseXor"),
  Sign: unary("Sign", separated([2, 3])),
  Floor: unary("Floor", betweenSteps([2, 3])),
  Ceil: unary("Ceil", betweenSteps([2, 3])),
  Round: unary("Round", betweenSteps([2, 3])),
  Shape: [
    { inputs: { x: separated([2, 3]) }, ...one("Shape") },
    { inputs: { x: separated([2, 3, 2]) }, ...one("Shape", { start: int(-2), end: int(2) }) },
  ],
  Size: unary("Size", separated([2, 3])),
  ConstantOfShape: [
    {
      inputs: { shape: integers([2, 0, 3]) },
      ...one("ConstantOfShape", {
        value: attribute.tensor(constantTensor("float32", [1], Float32Array.of(0.5))),
      }),
      fixed: ["shape"],
    },
  ],
  NonZero: [{ inputs: { x: separated([2, 3]) }, ...one("NonZero") }],
  ArgMax: largest("ArgMax"),
  ArgMin: largest("ArgMin"),
  EyeLike: [
    { inputs: { x: separated([2, 3]) }, ...one("EyeLike", { k: int(1) }) },
    { inputs: { x: separated([3, 2]) }, ...one("EyeLike", { dtype: int(7) }) },
  ],
  Hardmax: [{ inputs: { x: separated([2, 3, 2]) }, ...one("Hardmax", { axis: int(1) }) }],
} satisfies { readonly [O in OpName]?: readonly OpCase[] };
