import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { attribute, type ElementType, type Graph, type TensorType } from "../../src/ir/index.js";
import { decomposedOperators } from "../../src/onnx/decompose.js";
import { parseOnnx, writeOnnx } from "../../src/onnx/index.js";
import { isOpName } from "../../src/ops/index.js";
import { floats } from "./case-helpers.js";
import { compositeCases, type Single } from "./composite-cases.js";
import { checkGradients } from "./finite-differences.js";
import { runGraph, type TestTensor } from "./run-graph.js";

const { int } = attribute;
const microsoft = "com.microsoft";
const x = floats([2, 4, 3], -2, 2);

const typeOf = ({ data }: TestTensor): ElementType => (data instanceof BigInt64Array ? "int64" : "float32");

/** A file of one node, its first axis a symbol. */
function fileOf(
  { op, domain = "", opset = 18, inputs, attributes = {}, outputs = ["y"], order = Object.keys(inputs) }: Single,
  types: ReadonlyMap<string, TensorType> = new Map(),
): Uint8Array {
  const graph: Graph = {
    name: op,
    opset,
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

describe("operators that are read as what they are made of", () => {
  test.each(compositeCases)("$op $attributes: the runtime's own numbers, and derivatives", async (single) => {
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

  test("constants of 32 bits are constants, so that the runtime finds the pattern it runs as one", () => {
    const read = parseOnnx(fileOf({ op: "Gelu", opset: 20, inputs: { x } }), { dims: { N: 2 } });
    expect(read.nodes.map(({ op }) => op)).toEqual(["Div", "Erf", "Add", "Mul", "Mul"]);
  });

  test.each(["float16", "float64"] as const)("constants are of the type %s where the network is", (type) => {
    for (const op of ["Gelu", "LpNormalization", "MeanVarianceNormalization"]) {
      const info = { type, shape: ["N", 4, 3, 2] };
      const graph: Graph = {
        name: op,
        opset: 20,
        inputs: [{ name: "x", ...info }],
        outputs: ["y"],
        nodes: [{ op, domain: "", name: "only", inputs: ["x"], outputs: ["y"], attributes: {} }],
        initializers: new Map(),
        valueInfo: new Map([["y", info]]),
        parameters: [],
      };
      const read = parseOnnx(writeOnnx(graph), { precision: "as-stored" });
      const types = new Map([...read.initializers, ...read.valueInfo].map(([name, given]) => [name, given.type]));
      for (const node of read.nodes.filter(({ op }) => ["Add", "Mul", "Div", "Where"].includes(op))) {
        const used = node.inputs.slice(node.op === "Where" ? 1 : 0).map((name) => types.get(name));
        expect(used, `${op}: ${node.op}`).not.toContain("float32");
      }
    }
  });

  test("every operator that is read as others has a case", () => {
    const tested = new Set(compositeCases.map(({ op, domain = "" }) => (domain === "" ? op : `${domain}.${op}`)));
    expect([...decomposedOperators].sort()).toEqual([...tested].sort());
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
