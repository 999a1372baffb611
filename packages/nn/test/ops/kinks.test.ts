import { describe, expect, test } from "vitest";
import { vjp } from "../../src/autodiff/index.js";
import { GraphBuilder, type GraphValue } from "../../src/builder/index.js";
import { type Attributes, attribute } from "../../src/ir/index.js";
import type { OpName } from "../../src/ops/index.js";
import { floats, integers } from "./case-helpers.js";
import { checkGradients } from "./finite-differences.js";
import { runGraph, type TestTensor } from "./run-graph.js";

const { ints, float, string } = attribute;

const tensor = (values: readonly number[], shape: readonly number[] = [values.length]): TestTensor => ({
  shape,
  data: Float32Array.from(values),
});

interface Kink {
  readonly op: OpName;
  readonly inputs: Readonly<Record<string, TestTensor>>;
  readonly attributes?: Attributes;
  readonly outputs?: number;
  /** Gradient of the sum of the first output, by input. */
  readonly expected: Readonly<Record<string, readonly number[]>>;
}

async function slopes({ op, inputs, attributes = {}, outputs = 1, expected }: Kink): Promise<Record<string, number[]>> {
  const g = new GraphBuilder(op);
  const values = Object.entries(inputs).map(
    ([name, { shape, data }]): GraphValue =>
      data instanceof Float32Array
        ? g.input(name, shape)
        : g.constant({ type: "int64", shape, data: data as BigInt64Array }),
  );
  g.output("y", g.emit(op, values, { attributes, outputs })[0]!);
  const { graph, gradients } = vjp(g.build().graph, { wrt: Object.keys(expected), cotangents: "ones", keep: [] });
  const results = await runGraph(graph, inputs);
  return Object.fromEntries(
    Object.keys(expected).map((name) => [
      name,
      Array.from(results[gradients.get(name)!]!.data as Float32Array, (entry) => entry + 0),
    ]),
  );
}

/** Points at which there is no derivative, and what is taken for it: see the comment above each rule. */
const kinks: readonly Kink[] = [
  { op: "Abs", inputs: { x: tensor([-1, 0, 1]) }, expected: { x: [-1, 0, 1] } },
  { op: "Relu", inputs: { x: tensor([-1, 0, 1]) }, expected: { x: [0, 0, 1] } },
  { op: "LeakyRelu", inputs: { x: tensor([0]) }, attributes: { alpha: float(0.25) }, expected: { x: [0.25] } },
  { op: "PRelu", inputs: { x: tensor([0]), s: tensor([0.25]) }, expected: { x: [1], s: [0] } },
  { op: "Elu", inputs: { x: tensor([0]) }, attributes: { alpha: float(0.5) }, expected: { x: [0.5] } },
  { op: "Celu", inputs: { x: tensor([0]) }, attributes: { alpha: float(0.5) }, expected: { x: [1] } },
  { op: "ThresholdedRelu", inputs: { x: tensor([0.5]) }, attributes: { alpha: float(0.5) }, expected: { x: [0] } },
  { op: "Shrink", inputs: { x: tensor([-0.5, 0.5]) }, expected: { x: [0, 0] } },
  { op: "Softsign", inputs: { x: tensor([0]) }, expected: { x: [1] } },
  {
    op: "HardSigmoid",
    inputs: { x: tensor([-2, 0, 2]) },
    attributes: { alpha: float(0.25), beta: float(0.5) },
    expected: { x: [0, 0.25, 0] },
  },
  { op: "HardSwish", inputs: { x: tensor([-3, 3]) }, expected: { x: [-0.5, 1.5] } },
  {
    op: "Clip",
    inputs: { x: tensor([-1, 0, 1, 2]), low: tensor([0], []), high: tensor([1], []) },
    expected: { x: [0, 1, 1, 0], low: [1], high: [1] },
  },
  { op: "Max", inputs: { a: tensor([1, 2]), b: tensor([1, 1]) }, expected: { a: [0.5, 1], b: [0.5, 0] } },
  { op: "Min", inputs: { a: tensor([1, 2]), b: tensor([1, 1]) }, expected: { a: [0.5, 0], b: [0.5, 1] } },
  { op: "Sqrt", inputs: { x: tensor([0, 4]) }, expected: { x: [Number.POSITIVE_INFINITY, 0.25] } },
  // 0^0 = 1: no slope in the base, none in the exponent.
  { op: "Pow", inputs: { a: tensor([0, 0, 0]), b: tensor([0, 1, 2]) }, expected: { a: [0, 1, 0], b: [0, 0, 0] } },
  { op: "Pow", inputs: { a: tensor([-2]), b: tensor([2]) }, expected: { a: [-4], b: [0] } },
  { op: "ReduceMax", inputs: { x: tensor([2, 1, 2]) }, expected: { x: [0.5, 0, 0.5] } },
  { op: "ReduceMin", inputs: { x: tensor([2, 1, 1]) }, expected: { x: [0, 0.5, 0.5] } },
  { op: "ReduceL1", inputs: { x: tensor([0, -1]) }, expected: { x: [0, -1] } },
  { op: "ReduceL2", inputs: { x: tensor([0, 0]) }, expected: { x: [0, 0] } },
  {
    op: "TopK",
    inputs: { x: tensor([1, 2, 2]), k: integers([1]) },
    outputs: 2,
    expected: { x: [0, 1, 0] },
  },
  {
    op: "MaxPool",
    inputs: { x: tensor([1, 1, 1, 1], [1, 1, 4]) },
    attributes: { kernel_shape: ints([2]), strides: ints([2]) },
    expected: { x: [1, 0, 1, 0] },
  },
  {
    op: "ScatterElements",
    inputs: { x: tensor([1, 5]), i: integers([0, 0]), u: tensor([1, 0]) },
    attributes: { reduction: string("max") },
    expected: { x: [0.5, 1], u: [0.5, 0] },
  },
  {
    op: "ScatterND",
    inputs: { x: tensor([2, 5]), i: integers([0, 0], [2, 1]), u: tensor([1, 1]) },
    attributes: { reduction: string("min") },
    expected: { x: [0, 1], u: [0.5, 0.5] },
  },
];

describe("where there is no derivative", () => {
  test.each(kinks)("$op takes what its rule says", async (kink) => {
    expect(await slopes(kink)).toEqual(kink.expected);
  });

  test("an index outside of OneHot's depth counts as off", async () => {
    const inputs = { i: integers([1, 7]), depth: integers([2], []), values: tensor([-1, 1]) };
    expect(await slopes({ op: "OneHot", inputs, expected: { values: [] } })).toEqual({ values: [3, 1] });
  });
});

describe("forms of newer operator sets", () => {
  const feeds = { x: floats([1, 2, 5]) };

  test.each(["static", "symbolic"])("padding that wraps around, %s", async (lengths) => {
    const g = new GraphBuilder("wrap");
    const x = g.input("x", lengths === "static" ? [1, 2, 5] : ["N", 2, "L"]);
    const attributes = { mode: string("wrap") };
    g.output("y", g.square(g.emit("Pad", [x, g.integers([0, 0, 2, 0, 1, 3])], { attributes })[0]!));
    await checkGradients({ ...g.build().graph, opset: 19 }, feeds);
  });

  test.each(["static", "symbolic"])("interpolation that keeps the centre, %s", async (lengths) => {
    const g = new GraphBuilder("centre");
    const x = g.input("x", lengths === "static" ? [1, 2, 5] : ["N", 2, "L"]);
    const attributes = { mode: string("linear"), coordinate_transformation_mode: string("half_pixel_symmetric") };
    g.output("y", g.emit("Resize", [x, undefined, g.floats([1, 1, 1.3])], { attributes })[0]!);
    await checkGradients({ ...g.build().graph, opset: 19 }, feeds);
  });
});

test("sums of products say what does not fit", () => {
  const g = new GraphBuilder("einsum");
  const [a, b] = [g.input("a", ["N", 3]), g.input("b", [4, 2])];
  const refused: [string, RegExp][] = [
    ["ij,jk->ik", /Einsum .* has the lengths 3 and 4 for one letter: \[N, 3\], \[4, 2\]/],
    ["ij->i", /has 2 operands and the equation "ij->i" of 1/],
    ["ij,j->i", /gives 1 letters of the equation "ij,j->i" to an operand of 2 axes/],
    ["ij,kl->im", /whose result has the letter m twice or out of nowhere/],
    ["ij,kl->ii", /whose result has the letter i twice or out of nowhere/],
    ["ij,k1->ij", /has the equation "ij,k1->ij", which cannot be read/],
  ];
  for (const [equation, message] of refused) {
    expect(() => g.emit("Einsum", [a, b], { attributes: { equation: string(equation) } }), equation).toThrow(message);
  }
  expect(g.emit("Einsum", [a, b], { attributes: { equation: string("ij,kl") } })[0]!.shape).toEqual(["N", 3, 4, 2]);
  expect(g.emit("Einsum", [a, a], { attributes: { equation: string("...j, ...j") } })[0]!.shape).toEqual(["N"]);
});
