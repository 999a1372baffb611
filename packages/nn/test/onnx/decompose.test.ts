import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeKind,
  type AttributeProto,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { floats } from "../ops/case-helpers.js";
import { checkGradients } from "../ops/finite-differences.js";
import { runGraph, type TestTensor } from "../ops/run-graph.js";

const text = (name: string, value: string): AttributeProto =>
  create(AttributeProtoSchema, { name, type: AttributeKind.STRING, s: new TextEncoder().encode(value) });
const int = (name: string, value: number): AttributeProto =>
  create(AttributeProtoSchema, { name, type: AttributeKind.INT, i: BigInt(value) });
const float = (name: string, f: number): AttributeProto =>
  create(AttributeProtoSchema, { name, type: AttributeKind.FLOAT, f });
const ints = (name: string, ...values: number[]): AttributeProto =>
  create(AttributeProtoSchema, { name, type: AttributeKind.INTS, ints: values.map(BigInt) });

interface Single {
  readonly op: string;
  readonly opset: number;
  readonly inputs: Readonly<Record<string, TestTensor>>;
  readonly attributes?: readonly AttributeProto[];
}

/** A file of one operator whose first axis is a symbol. */
function fileOf({ op, opset, inputs, attributes = [] }: Single): Uint8Array {
  const info = (name: string, shape: readonly number[]) => {
    const dim = shape.map((length, axis) =>
      create(TensorShapeProto_DimensionSchema, {
        value:
          name === "x" && axis === 0 ? { case: "dimParam", value: "N" } : { case: "dimValue", value: BigInt(length) },
      }),
    );
    const value = create(TypeProto_TensorSchema, { elemType: 1, shape: create(TensorShapeProtoSchema, { dim }) });
    return create(ValueInfoProtoSchema, {
      name,
      type: create(TypeProtoSchema, { value: { case: "tensorType", value } }),
    });
  };
  const output = create(TypeProto_TensorSchema, { elemType: 1 });
  const node = create(NodeProtoSchema, {
    opType: op,
    name: "only",
    input: Object.keys(inputs),
    output: ["y"],
    attribute: [...attributes],
  });
  const graph = create(GraphProtoSchema, {
    name: "single",
    input: Object.entries(inputs).map(([name, { shape }]) => info(name, shape)),
    output: [
      create(ValueInfoProtoSchema, {
        name: "y",
        type: create(TypeProtoSchema, { value: { case: "tensorType", value: output } }),
      }),
    ],
    node: [node],
  });
  const opsetImport = [create(OperatorSetIdProtoSchema, { version: BigInt(opset) })];
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph }));
}

/** What the runtime makes of the file itself. */
async function runFile(file: Uint8Array, inputs: Readonly<Record<string, TestTensor>>): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
  const feeds = Object.entries(inputs).map(([name, { data, shape }]) => [
    name,
    new ort.Tensor("float32", data as Float32Array, [...shape]),
  ]);
  return (await session.run(Object.fromEntries(feeds))).y!.data as Float32Array;
}

const x = floats([2, 4, 3], -2, 2);
const vectors = (length: number) => ({ scale: floats([length], 0.5, 1.5, 2), bias: floats([length], -1, 1, 3) });

const singles: readonly (readonly [string, Single])[] = [
  ["Gelu by erf", { op: "Gelu", opset: 20, inputs: { x } }],
  ["Gelu by tanh", { op: "Gelu", opset: 20, inputs: { x }, attributes: [text("approximate", "tanh")] }],
  ["Mish", { op: "Mish", opset: 18, inputs: { x } }],
  [
    "GroupNormalization scaled by group",
    {
      op: "GroupNormalization",
      opset: 18,
      inputs: { x, ...vectors(2) },
      attributes: [int("num_groups", 2), float("epsilon", 0.1)],
    },
  ],
  [
    "GroupNormalization scaled by channel",
    {
      op: "GroupNormalization",
      opset: 21,
      inputs: { x, ...vectors(4) },
      attributes: [int("num_groups", 2), float("epsilon", 0.1)],
    },
  ],
  [
    "AveragePool with dilations of 1",
    {
      op: "AveragePool",
      opset: 19,
      inputs: { x },
      attributes: [ints("kernel_shape", 2), ints("dilations", 1)],
    },
  ],
  [
    "ReduceSumSquare with axes as an attribute",
    { op: "ReduceSumSquare", opset: 13, inputs: { x }, attributes: [ints("axes", 1)] },
  ],
];

describe("operators that are rewritten on reading", () => {
  test.each(singles)("%s: the same numbers as the runtime's own, and their derivatives", async (_, single) => {
    const file = fileOf(single);
    const graph = parseOnnx(file);
    const results = await runGraph(graph, single.inputs);
    expectAllClose(results.y!.data as Float32Array, await runFile(file, single.inputs), { absolute: 2e-6 });
    expect(graph.valueInfo.get("y")?.shape[0]).toBe("N");
    await checkGradients(graph, single.inputs, { order: 1 });
  });

  test("with attributes that are not known, nodes are left to the runtime as they are", () => {
    const odd = parseOnnx(fileOf({ op: "Gelu", opset: 20, inputs: { x }, attributes: [int("steep", 1)] }));
    expect(odd.nodes[0]).toMatchObject({ op: "Gelu", name: "only", opaque: expect.stringContaining("Gelu") });
    expect(odd.opset).toBe(20);
  });
});

describe("symbolic axes", () => {
  const file = fileOf({ op: "Mish", opset: 18, inputs: { x } });

  test("are fixed on request, and everything that follows from them", async () => {
    expect(parseOnnx(file).valueInfo.get("y")?.shape).toEqual(["N", 4, 3]);
    const fixed = parseOnnx(file, { dims: { N: 2 } });
    expect(fixed.inputs[0]?.shape).toEqual([2, 4, 3]);
    expect(fixed.valueInfo.get("y")?.shape).toEqual([2, 4, 3]);
    expectAllClose((await runGraph(fixed, { x })).y!.data as Float32Array, await runFile(file, { x }), {
      absolute: 2e-6,
    });
  });

  test("that do not exist, or lengths that cannot be, are refused", () => {
    expect(() => parseOnnx(file, { dims: { n: 2 } })).toThrow(/no input has an axis called "n"; did you mean "N"\?/);
    expect(() => parseOnnx(file, { dims: { N: 1.5 } })).toThrow(/dims\.N is 1\.5/);
  });
});
