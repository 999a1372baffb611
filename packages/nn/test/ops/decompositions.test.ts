import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { type Attributes, attribute, type ElementType, type Graph, type TensorType } from "../../src/ir/index.js";
import { parseOnnx, writeOnnx } from "../../src/onnx/index.js";
import { isOpName } from "../../src/ops/index.js";
import { floats, integers, separated } from "./case-helpers.js";
import { checkGradients } from "./finite-differences.js";
import { runGraph, type TestTensor } from "./run-graph.js";

const { float, int, ints, floats: numbers, string } = attribute;

interface Single {
  readonly op: string;
  readonly domain?: string;
  readonly inputs: Readonly<Record<string, TestTensor>>;
  readonly attributes?: Attributes;
  /** How many outputs are asked for, `""` between those that are not. @default ["y"] */
  readonly outputs?: readonly string[];
  /** Names of the inputs in order, where one is absent. */
  readonly order?: readonly string[];
}

const typeOf = ({ data }: TestTensor): ElementType => (data instanceof BigInt64Array ? "int64" : "float32");

/** A file of one node, its first axis a symbol. */
function fileOf(
  { op, domain = "", inputs, attributes = {}, outputs = ["y"], order = Object.keys(inputs) }: Single,
  types: ReadonlyMap<string, TensorType> = new Map(),
): Uint8Array {
  const graph: Graph = {
    name: op,
    opset: 18,
    inputs: Object.entries(inputs).map(([name, tensor]) => ({
      name,
      type: typeOf(tensor),
      shape: tensor.shape.map((length, axis) => (name === "x" && axis === 0 ? "N" : length)),
    })),
    outputs: outputs.filter((name) => name !== ""),
    nodes: [{ op, domain, name: "only", inputs: order, outputs, attributes }],
    initializers: new Map(),
    valueInfo: new Map(outputs.map((name) => [name, types.get(name) ?? { type: "float32", shape: [] }])),
    parameters: [],
  };
  return writeOnnx(graph);
}

/** What the runtime makes of the file itself. */
async function runFile(file: Uint8Array, inputs: Readonly<Record<string, TestTensor>>) {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 4, graphOptimizationLevel: "disabled" });
  const feeds = Object.entries(inputs).map(([name, tensor]) => [
    name,
    new ort.Tensor(typeOf(tensor) as "float32", tensor.data as Float32Array, [...tensor.shape]),
  ]);
  return session.run(Object.fromEntries(feeds));
}

const microsoft = "com.microsoft";
const x = floats([2, 4, 3], -2, 2);
const vector = (low: number, high: number, seed: number) => floats([3], low, high, seed);
const scores = { x: floats([3, 4, 2], -2, 2), labels: integers([0, 3, 1, 2, 2, 0], [3, 2]) };
const weights = floats([4], 0.5, 1.5, 3);
const heads = { x: floats([2, 3, 4]), key: floats([2, 5, 4], -1, 1, 2), value: floats([2, 5, 4], -1, 1, 3) };

const singles: readonly Single[] = [
  { op: "LpNormalization", inputs: { x }, attributes: { axis: int(1), p: int(2) } },
  { op: "LpNormalization", inputs: { x: separated([2, 4]) }, attributes: { p: int(1) } },
  { op: "MeanVarianceNormalization", inputs: { x: floats([2, 3, 2, 2], -2, 2) } },
  { op: "MeanVarianceNormalization", inputs: { x }, attributes: { axes: ints([1, 2]) } },
  {
    op: "SimplifiedLayerNormalization",
    inputs: { x, scale: vector(0.5, 1.5, 2) },
    attributes: { epsilon: float(0.1) },
  },
  { op: "ReduceLogSum", inputs: { x: floats([2, 4, 3], 0.5, 2) }, attributes: { keepdims: int(0) } },
  { op: "GlobalMaxPool", inputs: { x: separated([2, 3, 2, 3]) } },
  { op: "SoftmaxCrossEntropyLoss", inputs: scores },
  { op: "SoftmaxCrossEntropyLoss", inputs: scores, attributes: { reduction: string("none"), ignore_index: int(2) } },
  { op: "SoftmaxCrossEntropyLoss", inputs: scores, attributes: { ignore_index: int(0) } },
  { op: "SoftmaxCrossEntropyLoss", inputs: { ...scores, weights }, attributes: { ignore_index: int(0) } },
  { op: "SoftmaxCrossEntropyLoss", inputs: scores, attributes: { reduction: string("sum") }, outputs: ["y", "logs"] },
  { op: "NegativeLogLikelihoodLoss", inputs: { ...scores, weights } },
  { op: "QuickGelu", domain: microsoft, inputs: { x } },
  { op: "QuickGelu", domain: microsoft, inputs: { x }, attributes: { alpha: float(0.7) } },
  { op: "Gelu", domain: microsoft, inputs: { x } },
  { op: "BiasGelu", domain: microsoft, inputs: { x, bias: vector(-1, 1, 2) } },
  { op: "FastGelu", domain: microsoft, inputs: { x, bias: vector(-1, 1, 2) } },
  { op: "FastGelu", domain: microsoft, inputs: { x } },
  { op: "FusedMatMul", domain: microsoft, inputs: { x, b: floats([2, 3, 2]) }, attributes: { alpha: float(0.5) } },
  {
    op: "FusedMatMul",
    domain: microsoft,
    inputs: { x, b: floats([2, 5, 4]) },
    attributes: { transA: int(1), transB: int(1) },
  },
  {
    op: "FusedConv",
    domain: microsoft,
    inputs: { x: floats([2, 2, 5]), weight: floats([3, 2, 2], -1, 1, 2), bias: floats([3], 0.5, 1, 3) },
    attributes: { activation: string("LeakyRelu"), activation_params: numbers([0.3]), kernel_shape: ints([2]) },
  },
  {
    op: "SkipLayerNormalization",
    domain: microsoft,
    inputs: { x, skip: floats([2, 4, 3], -1, 1, 2), scale: vector(0.5, 1.5, 3), shift: vector(-1, 1, 4) },
    attributes: { epsilon: float(0.1) },
    outputs: ["y", "", "", "sum"],
  },
  {
    op: "SkipLayerNormalization",
    domain: microsoft,
    inputs: {
      x,
      skip: floats([2, 4, 3], -1, 1, 2),
      scale: vector(0.5, 1.5, 3),
      shift: vector(-1, 1, 4),
      bias: vector(-1, 1, 5),
    },
    attributes: { epsilon: float(0.1) },
  },
  {
    op: "SkipSimplifiedLayerNormalization",
    domain: microsoft,
    inputs: { x, skip: floats([2, 4, 3], -1, 1, 2), scale: vector(0.5, 1.5, 3) },
    attributes: { epsilon: float(0.1) },
    outputs: ["y", "", "", "sum"],
  },
  { op: "MultiHeadAttention", domain: microsoft, inputs: heads, attributes: { num_heads: int(2) } },
  {
    op: "MultiHeadAttention",
    domain: microsoft,
    inputs: { ...heads, bias: floats([2, 2, 3, 5], -1, 1, 4) },
    attributes: { num_heads: int(2), scale: float(0.8) },
    order: ["x", "key", "value", "", "", "bias"],
  },
];

describe("operators that are read as what they are made of", () => {
  test.each(singles)("$op $attributes: the runtime's own numbers, and derivatives", async (single) => {
    const file = fileOf(single);
    const graph = parseOnnx(file);
    expect(graph.nodes.every(({ op, domain }) => domain === "" && isOpName(op))).toBe(true);
    const results = await runGraph(graph, single.inputs);
    const expected = await runFile(fileOf(single, graph.valueInfo), single.inputs);
    for (const name of graph.outputs) {
      expect(results[name]!.shape, name).toEqual([...expected[name]!.dims]);
      expectAllClose(results[name]!.data as Float32Array, expected[name]!.data as Float32Array, { absolute: 5e-6 });
    }
    await checkGradients(graph, single.inputs, { order: 1, stepSize: 0.02 });
  });

  test("what is not written as others is left to the runtime", () => {
    for (const single of [
      { op: "LpNormalization", inputs: { x }, attributes: { p: int(3) } },
      { op: "MultiHeadAttention", domain: microsoft, inputs: { x }, attributes: { num_heads: int(1) } },
      { op: "FusedMatMul", domain: microsoft, inputs: { x, b: x }, attributes: { transBatchA: int(1) } },
      { op: "QuickGelu", domain: microsoft, inputs: { x }, attributes: { beta: int(1) } },
    ] satisfies Single[]) {
      expect(parseOnnx(fileOf(single)).nodes).toMatchObject([{ op: single.op, opaque: expect.any(String) }]);
    }
  });

  test("random numbers belong to whoever runs the network", () => {
    expect(() => parseOnnx(fileOf({ op: "RandomNormalLike", inputs: { x } }))).toThrow(
      /RandomNormalLike \(node "only"\) draws random numbers.*make the noise an input/,
    );
  });
});
