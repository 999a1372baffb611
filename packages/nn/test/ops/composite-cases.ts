import { type Attributes, attribute } from "../../src/ir/index.js";
import { floats, integers, separated } from "./case-helpers.js";
import type { TestTensor } from "./run-graph.js";

const { float, int, ints, floats: numbers, string } = attribute;

/** A node to be read as what it is made of. */
export interface Single {
  readonly op: string;
  readonly domain?: string;
  /** @default 18 */
  readonly opset?: number;
  readonly inputs: Readonly<Record<string, TestTensor>>;
  readonly attributes?: Attributes;
  /** How many outputs are asked for, `""` between those that are not. @default ["y"] */
  readonly outputs?: readonly string[];
  /** Names of the inputs in order, where one is absent. */
  readonly order?: readonly string[];
}

const microsoft = "com.microsoft";
const x = floats([2, 4, 3], -2, 2);
const vector = (low: number, high: number, seed: number) => floats([3], low, high, seed);
const scores = { x: floats([3, 4, 2], -2, 2), labels: integers([0, 3, 1, 2, 2, 0], [3, 2]) };
const weights = floats([4], 0.5, 1.5, 3);
const heads = { x: floats([2, 3, 4]), key: floats([2, 5, 4], -1, 1, 2), value: floats([2, 5, 4], -1, 1, 3) };

/** Nodes of every operator that is read as others: one that is missing fails the test of the list. */
export const compositeCases: readonly Single[] = [
  { op: "Gelu", opset: 20, inputs: { x } },
  { op: "Gelu", opset: 20, inputs: { x }, attributes: { approximate: string("tanh") } },
  { op: "Mish", inputs: { x } },
  {
    op: "GroupNormalization",
    inputs: { x, scale: floats([2], 0.5, 1.5, 2), bias: floats([2], -1, 1, 3) },
    attributes: { num_groups: int(2), epsilon: float(0.1) },
  },
  {
    op: "GroupNormalization",
    opset: 21,
    inputs: { x, scale: floats([4], 0.5, 1.5, 2), bias: floats([4], -1, 1, 3) },
    attributes: { num_groups: int(2), epsilon: float(0.1) },
  },
  { op: "LpNormalization", inputs: { x }, attributes: { axis: int(1), p: int(2) } },
  { op: "LpNormalization", inputs: { x: separated([2, 4]) }, attributes: { p: int(1) } },
  { op: "MeanVarianceNormalization", inputs: { x: floats([2, 3, 2, 2], -2, 2) } },
  { op: "MeanVarianceNormalization", inputs: { x }, attributes: { axes: ints([1, 2]) } },
  {
    op: "SimplifiedLayerNormalization",
    inputs: { x, scale: vector(0.5, 1.5, 2) },
    attributes: { epsilon: float(0.1) },
  },
  {
    op: "LRN",
    inputs: { x: floats([2, 4, 2, 1], -2, 2) },
    attributes: { size: int(3), alpha: float(0.7), bias: float(1.5) },
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
