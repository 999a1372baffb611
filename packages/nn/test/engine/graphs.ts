import { attribute, type Graph, type ValueInfo } from "../../src/ir/index.js";

const node = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Graph["nodes"][number]["attributes"] = {},
): Graph["nodes"][number] => ({ op, domain: "", name: `make_${output}`, inputs, outputs: [output], attributes });

const float = (name: string, shape: ValueInfo["shape"]): ValueInfo => ({ name, type: "float32", shape });

/** y = x w^T + b and its sum over each row, written by hand. */
export const linearGraph: Graph = {
  name: "linear",
  opset: 18,
  inputs: [float("x", ["N", 2]), float("w", [3, 2]), float("b", [3])],
  outputs: ["y", "total"],
  nodes: [
    node("Gemm", ["x", "w", "b"], "y", { transB: attribute.int(1) }),
    node("ReduceSum", ["y", "axes"], "total", { keepdims: attribute.int(0) }),
  ],
  initializers: new Map([["axes", { type: "int64", shape: [1], data: BigInt64Array.of(1n) }]]),
  valueInfo: new Map([
    ["y", { type: "float32", shape: ["N", 3] }],
    ["total", { type: "float32", shape: ["N"] }],
  ]),
  parameters: ["w", "b"],
};

/** Two inputs that share the axis N, added; a logarithm that may overflow. */
export const pairGraph: Graph = {
  name: "pair",
  opset: 18,
  inputs: [float("a", ["N"]), float("b", ["N"])],
  outputs: ["logarithm"],
  nodes: [node("Add", ["a", "b"], "sum"), node("Log", ["sum"], "logarithm")],
  initializers: new Map(),
  valueInfo: new Map([["logarithm", { type: "float32", shape: ["N"] }]]),
  parameters: [],
};

/** Integers, truth values and shapes through a graph: rows of a table where `keep` holds, and the shape of the result. */
export const integerGraph: Graph = {
  name: "integers",
  opset: 18,
  inputs: [
    { name: "table", type: "float32", shape: ["R", 2] },
    { name: "index", type: "int64", shape: ["N"] },
    { name: "keep", type: "bool", shape: ["N", 1] },
    { name: "offset", type: "int32", shape: [] },
  ],
  outputs: ["rows", "shape", "kept", "doubled"],
  nodes: [
    node("Gather", ["table", "index"], "picked"),
    node("Where", ["keep", "picked", "zero"], "rows"),
    node("Shape", ["rows"], "shape"),
    node("Not", ["keep"], "kept"),
    node("Add", ["offset", "offset"], "doubled"),
  ],
  initializers: new Map([["zero", { type: "float32", shape: [], data: Float32Array.of(0) }]]),
  valueInfo: new Map([
    ["rows", { type: "float32", shape: ["N", 2] }],
    ["shape", { type: "int64", shape: [2] }],
    ["kept", { type: "bool", shape: ["N", 1] }],
    ["doubled", { type: "int32", shape: [] }],
  ]),
  parameters: [],
};

/** Integers times 2^31, which 64 bits hold and 32 do not. */
export const largeIntegerGraph: Graph = {
  name: "large-integers",
  opset: 18,
  inputs: [{ name: "x", type: "int64", shape: ["N"] }],
  outputs: ["y"],
  nodes: [node("Mul", ["x", "factor"], "y")],
  initializers: new Map([["factor", { type: "int64", shape: [], data: BigInt64Array.of(2n ** 31n) }]]),
  valueInfo: new Map([["y", { type: "int64", shape: ["N"] }]]),
  parameters: [],
};
