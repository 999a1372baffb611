import { attribute, constantTensor } from "../../src/ir/index.js";
import type { OpName } from "../../src/ops/index.js";
import { booleans, floats, type OpCase, one, separated, unary } from "./case-helpers.js";
import { discreteCases } from "./discrete-cases.js";
import { functionCases } from "./function-cases.js";
import { rearrangingCases } from "./rearranging-cases.js";
import type { TestTensor } from "./run-graph.js";
import { spatialCases } from "./spatial-cases.js";

export { floats, type OpCase, separated } from "./case-helpers.js";

const pair = (op: OpName, a: TestTensor, b: TestTensor): OpCase => ({ inputs: { a, b }, ...one(op) });

const arithmetic = (op: OpName): OpCase[] => [
  pair(op, floats([3, 2]), floats([3, 2], 0.6, 1.6, 2)),
  pair(op, floats([2, 3, 2], 0.7, 1.5), floats([3, 1], 0.6, 1.6, 2)),
  pair(op, floats([2], 0.7, 1.5), floats([3, 2], 0.6, 1.6, 2)),
  pair(op, floats([3, 1], 0.7, 1.5), floats([1, 4], 0.6, 1.6, 2)),
];

const reduction = (op: OpName, make: (shape: readonly number[]) => TestTensor): OpCase[] => [
  { inputs: { x: make([3, 4]) }, build: (g, { x }) => g.emit(op, [x])[0]! },
  {
    inputs: { x: make([2, 3, 2]) },
    build: (g, { x }) => g.emit(op, [x, g.integers([-1, 0])], { attributes: { keepdims: attribute.int(0) } })[0]!,
  },
  { inputs: { x: make([2, 3, 2]) }, build: (g, { x }) => g.emit(op, [x, g.integers([1])])[0]! },
  {
    inputs: { x: make([2, 3]) },
    build: (g, { x }) =>
      g.emit(op, [x, g.integers([])], { attributes: { noop_with_empty_axes: attribute.int(1) } })[0]!,
  },
];

/**
 * For every operator its cases. An operator that is missing does not compile, and one without cases, or whose differentiable
 * inputs are not all reached, fails the test of the table.
 */
export const opCases: { readonly [O in OpName]: readonly OpCase[] } = {
  ...discreteCases,
  Add: arithmetic("Add"),
  Sub: arithmetic("Sub"),
  Mul: [
    ...arithmetic("Mul"),
    { inputs: { x: floats([3, 2]) }, build: (g, { x }) => g.mul(x!, x!) },
    { inputs: { x: floats([3, 2], -2, 2) }, build: (g, { x }) => g.mul(x!, g.sigmoid(x!)) },
    { inputs: { x: floats([3, 2], -2, 2) }, build: (g, { x }) => g.mul(g.sigmoid(x!), x!) },
  ],
  Div: arithmetic("Div"),
  Pow: [
    pair("Pow", floats([2, 3], 0.6, 1.6), floats([3], -1, 2, 2)),
    { inputs: { x: floats([2, 3]) }, build: (g, { x }) => g.pow(x!, 2) },
    { inputs: { x: { shape: [3], data: Float32Array.of(0, -1, 2) } }, build: (g, { x }) => g.pow(x!, 0) },
    { inputs: { x: floats([2, 3]) }, build: (g, { x }) => g.pow(x!, 3) },
    { inputs: { x: floats([2, 3], 0.6, 1.6) }, build: (g, { x }) => g.pow(x!, -0.5) },
    {
      inputs: { x: floats([2, 3]) },
      build: (g, { x }) =>
        g.emit("Pow", [x, g.constant(constantTensor("int64", [3], BigInt64Array.of(1n, 2n, 3n)))])[0]!,
    },
  ],
  Max: [
    pair("Max", separated([3, 2]), separated([3, 2], 0.2)),
    pair("Max", separated([3, 2]), separated([2], 0.2)),
    { inputs: { a: separated([2, 2]), b: separated([2], 0.13), c: separated([2, 1], 0.27) }, ...one("Max") },
  ],
  Min: [pair("Min", separated([3, 2]), separated([3, 2], 0.2)), pair("Min", separated([2]), separated([3, 2], 0.2))],
  Where: [
    {
      inputs: { condition: booleans([1, 0, 1]), a: floats([2, 3]), b: floats([2, 1], -1, 1, 2) },
      ...one("Where"),
    },
  ],
  Mod: [
    {
      inputs: { a: floats([2, 3], 2.35, 2.6), b: floats([3], 0.98, 1.05, 2) },
      ...one("Mod", { fmod: attribute.int(1) }),
    },
  ],
  Sum: [
    { inputs: { a: floats([2, 2]), b: floats([2], -1, 1, 2), c: floats([2, 1], -1, 1, 3) }, ...one("Sum") },
    { inputs: { a: floats([2, 2]) }, ...one("Sum") },
  ],
  Mean: [{ inputs: { a: floats([2, 2]), b: floats([2], -1, 1, 2), c: floats([2, 1], -1, 1, 3) }, ...one("Mean") }],
  Clip: [
    {
      inputs: { x: separated([2, 4]), low: floats([], -0.5, -0.5), high: floats([], 0.4, 0.4) },
      ...one("Clip"),
    },
    {
      inputs: { x: separated([2, 4]), high: floats([], 0.4, 0.4) },
      build: (g, { x, high }) => g.emit("Clip", [x, undefined, high])[0]!,
    },
    { inputs: { x: floats([3]) }, ...one("Clip") },
  ],
  Neg: unary("Neg", floats([2, 3])),
  Abs: unary("Abs", separated([2, 3])),
  Reciprocal: unary("Reciprocal", floats([2, 3], 0.8, 2)),
  Sqrt: unary("Sqrt", floats([2, 3], 0.8, 2)),
  Exp: unary("Exp", floats([2, 3])),
  Log: unary("Log", floats([2, 3], 0.8, 2)),
  Sin: unary("Sin", floats([2, 3], -2, 2)),
  Cos: unary("Cos", floats([2, 3], -2, 2)),
  Tanh: unary("Tanh", floats([2, 3], -2, 2)),
  Sigmoid: unary("Sigmoid", floats([2, 3], -2, 2)),
  Softplus: unary("Softplus", floats([2, 3], -2, 2)),
  Erf: unary("Erf", floats([2, 3], -2, 2)),
  Relu: unary("Relu", separated([2, 3])),
  LeakyRelu: [{ inputs: { x: separated([2, 3]) }, ...one("LeakyRelu", { alpha: attribute.float(0.3) }) }],
  PRelu: [
    { inputs: { x: separated([2, 3, 2]), slope: floats([3, 1], 0.1, 0.5, 2) }, ...one("PRelu") },
    { inputs: { x: separated([2, 3]), slope: floats([1], 0.1, 0.5, 2) }, ...one("PRelu") },
  ],
  Elu: [{ inputs: { x: separated([2, 3]) }, ...one("Elu", { alpha: attribute.float(0.7) }) }],
  Selu: unary("Selu", separated([2, 3])),
  HardSigmoid: [{ inputs: { x: separated([2, 4]) }, ...one("HardSigmoid", { alpha: attribute.float(0.6) }) }],
  HardSwish: unary("HardSwish", { shape: [6], data: Float32Array.of(-4, -2.5, -0.5, 0.7, 2.6, 3.9) }),
  Identity: unary("Identity", floats([2, 3])),
  Cast: [
    {
      // Through double precision and back.
      inputs: { x: floats([2, 3]) },
      build: (g, { x }) => g.cast(g.square(g.cast(x!, "float64")), "float32"),
    },
  ],
  MatMul: [
    pair("MatMul", floats([3, 4]), floats([4, 2], -1, 1, 2)),
    pair("MatMul", floats([2, 3, 4]), floats([4, 2], -1, 1, 2)),
    pair("MatMul", floats([2, 3, 4]), floats([2, 4, 2], -1, 1, 2)),
    pair("MatMul", floats([2, 1, 3, 2]), floats([3, 2, 2], -1, 1, 2)),
    pair("MatMul", floats([3, 2]), floats([2, 2, 3], -1, 1, 2)),
    pair("MatMul", floats([4]), floats([4, 2], -1, 1, 2)),
    pair("MatMul", floats([3, 4]), floats([4], -1, 1, 2)),
    pair("MatMul", floats([4]), floats([4], -1, 1, 2)),
    pair("MatMul", floats([2, 3, 4]), floats([4], -1, 1, 2)),
    pair("MatMul", floats([3]), floats([2, 3, 2], -1, 1, 2)),
    // A weight whose lengths are known under rows whose length is not.
    { ...pair("MatMul", floats([2, 3, 4]), floats([4, 2], -1, 1, 2)), fixed: ["b"] },
  ],
  Gemm: [false, true].flatMap((transA) =>
    [false, true].flatMap((transB) =>
      [[2], [3, 2], [3, 1], []].map(
        (c): OpCase => ({
          inputs: {
            a: floats(transA ? [4, 3] : [3, 4]),
            b: floats(transB ? [2, 4] : [4, 2], -1, 1, 2),
            c: floats(c, -1, 1, 3),
          },
          build: (g, { a, b, c }) => g.gemm(a!, b!, { c, transA, transB, alpha: 1.5, beta: 0.5 }),
        }),
      ),
    ),
  ),
  ...functionCases,
  ...spatialCases,
  ...rearrangingCases,
  ReduceSum: reduction("ReduceSum", floats),
  ReduceMean: reduction("ReduceMean", floats),
  ReduceMax: reduction("ReduceMax", separated),
  ReduceMin: reduction("ReduceMin", separated),
  ReduceProd: [
    ...reduction("ReduceProd", (shape) => floats(shape, 0.7, 1.5)),
    {
      // A row with one zero: its derivative is the product of the others. One with two: 0.
      inputs: { x: { shape: [2, 3], data: Float32Array.of(0, 2, 3, 0, 0, 3) } },
      build: (g, { x }) => g.emit("ReduceProd", [x, g.integers([1])])[0]!,
      order: 1,
    },
  ],
  ReduceL1: reduction("ReduceL1", separated),
  ReduceL2: reduction("ReduceL2", (shape) => floats(shape, 0.7, 1.5)),
  ReduceSumSquare: reduction("ReduceSumSquare", floats),
  ReduceLogSumExp: reduction("ReduceLogSumExp", floats),
  CumSum: [
    { inputs: { x: floats([2, 4]) }, build: (g, { x }) => g.emit("CumSum", [x, g.scalar(1, "int64")])[0]! },
    {
      inputs: { x: floats([3, 2]) },
      build: (g, { x }) =>
        g.emit("CumSum", [x, g.scalar(0, "int64")], {
          attributes: { exclusive: attribute.int(1), reverse: attribute.int(1) },
        })[0]!,
    },
  ],
  LayerNormalization: [
    {
      inputs: { x: floats([3, 5], -2, 2), scale: floats([5], 0.5, 1.5, 2), bias: floats([5], -1, 1, 3) },
      ...one("LayerNormalization"),
    },
    {
      inputs: { x: floats([2, 3, 2], -2, 2), scale: floats([3, 2], 0.5, 1.5, 2) },
      ...one("LayerNormalization", { axis: attribute.int(1), epsilon: attribute.float(0.1) }),
    },
    {
      // The mean and the deviation used as values of their own.
      inputs: { x: floats([3, 5], -2, 2), scale: floats([5], 0.5, 1.5, 2) },
      build: (g, { x, scale }) =>
        g.emit("LayerNormalization", [x, scale], { outputs: 3, attributes: { epsilon: attribute.float(0.1) } }),
    },
  ],
  Softmax: [
    { inputs: { x: floats([2, 4], -2, 2) }, build: (g, { x }) => g.softmax(x!) },
    { inputs: { x: floats([2, 3, 2], -2, 2) }, build: (g, { x }) => g.softmax(x!, 1) },
  ],
  LogSoftmax: [{ inputs: { x: floats([2, 4], -2, 2) }, ...one("LogSoftmax", { axis: attribute.int(-1) }) }],
};
