import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FormatError, IncompatibleError } from "@diffusiongym/core";
import fc from "fast-check";
import {
  AttributeProto_AttributeType as AttributeKind,
  AttributeProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { beforeAll, describe, expect, test } from "vitest";
import { loadFixtureBytes } from "../../../../tooling/test/fixtures.js";
import { vjp } from "../../src/autodiff/index.js";
import { GraphBuilder, mlp, valueMlp } from "../../src/builder/index.js";
import { constantTensor, freeze, type Graph, thaw } from "../../src/ir/index.js";
import { parseOnnx, writeOnnx } from "../../src/onnx/index.js";
import { floats } from "../ops/cases.js";
import { pseudoRandom, runGraph } from "../ops/run-graph.js";

/** The parts of a graph that a file keeps, as plain data: types of intermediate values are inferred again on reading. */
const essence = (graph: Graph) => ({
  ...graph,
  initializers: [...graph.initializers],
  valueInfo: [...graph.valueInfo].sort(([a], [b]) => (a < b ? -1 : 1)),
});

const frozenMlp = (): Graph => {
  const { graph, parameters } = mlp({ inDim: 2, timeDim: 4, condDim: 6, width: 5, depth: 2 });
  const size = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);
  return freeze(graph, new Map(parameters.map(({ name, shape }, i) => [name, pseudoRandom(i, size(shape))])));
};

/** A model of one input `x` [N, 2] and the given nodes, initializers and operator set. */
function model(
  nodes: { op: string; inputs: string[]; outputs: string[]; attributes?: ReturnType<typeof ints>[]; domain?: string }[],
  { opset = 16, initializers = [] as ReturnType<typeof tensor>[], outputs = ["y"] } = {},
): ModelProto {
  const dim = [
    create(TensorShapeProto_DimensionSchema, { value: { case: "dimParam", value: "N" } }),
    create(TensorShapeProto_DimensionSchema, { value: { case: "dimValue", value: 2n } }),
  ];
  const type = create(TypeProtoSchema, {
    value: {
      case: "tensorType",
      value: create(TypeProto_TensorSchema, { elemType: 1, shape: create(TensorShapeProtoSchema, { dim }) }),
    },
  });
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [create(OperatorSetIdProtoSchema, { version: BigInt(opset) })],
    graph: create(GraphProtoSchema, {
      name: "test",
      input: [create(ValueInfoProtoSchema, { name: "x", type })],
      output: outputs.map((name) => create(ValueInfoProtoSchema, { name })),
      initializer: initializers,
      node: nodes.map(({ op, inputs, outputs: made, attributes = [], domain = "" }) =>
        create(NodeProtoSchema, { opType: op, input: inputs, output: made, attribute: attributes, domain }),
      ),
    }),
  });
}

const ints = (name: string, ...values: number[]) =>
  create(AttributeProtoSchema, { name, type: AttributeKind.INTS, ints: values.map(BigInt) });
const int = (name: string, value: number) =>
  create(AttributeProtoSchema, { name, type: AttributeKind.INT, i: BigInt(value) });
const tensor = (name: string, fields: Parameters<typeof create<typeof TensorProtoSchema>>[1]) =>
  create(TensorProtoSchema, { name, ...(fields as object) });
const bytesOf = (value: ModelProto): Uint8Array => toBinary(ModelProtoSchema, value);
const parseModel = (...given: Parameters<typeof model>): Graph => parseOnnx(bytesOf(model(...given)));

describe("reading what was written", () => {
  test("gives the same graph, frozen or thawed, differentiated or not, with the same bytes each time", () => {
    const frozen = frozenMlp();
    const { graph, parameters } = valueMlp({ inputs: { x: [2, 3], h: [4] }, conditioningDim: 2, width: 8 });
    const derivative = vjp(graph, { wrt: ["x", ...parameters.map(({ name }) => name)] }).graph;
    for (const original of [frozen, thaw(frozen), graph, derivative]) {
      const bytes = writeOnnx(original);
      expect(essence(parseOnnx(bytes))).toEqual(essence(original));
      expect(writeOnnx(original)).toEqual(bytes);
    }
  });

  test("keeps every element type and every kind of attribute", () => {
    const g = new GraphBuilder("types");
    const x = g.input("x", ["N", 3]);
    const mask = g.constant(constantTensor("bool", [3], Uint8Array.of(1, 0, 1)));
    const index = g.constant(constantTensor("int64", [2], BigInt64Array.of(-1n, 0n)));
    const index32 = g.constant(constantTensor("int32", [2], Int32Array.of(1, -1)));
    const wide = g.constant(constantTensor("float64", [3], Float64Array.of(0.1, 0.2, 1e300)));
    g.output("masked", g.where(mask, x, -0));
    g.output("gathered", g.gather(g.gather(x, index, 1), index32, 1));
    g.output("wide", g.mul(g.cast(x, "float64"), wide));
    g.output("empty", g.concat([x, g.constant(constantTensor("float32", [0, 3], new Float32Array(0)))], 0));
    const { graph } = g.build();
    expect(essence(parseOnnx(writeOnnx(graph)))).toEqual(essence(graph));
  });

  test("writes files that ONNX Runtime takes, with the same results after reading", async () => {
    const graph = frozenMlp();
    const feeds = { x: floats([3, 2]), t: floats([3], 0, 1) };
    const direct = await runGraph(graph, feeds);
    expect(await runGraph(parseOnnx(writeOnnx(graph)), feeds)).toEqual(direct);
    expect(direct.output!.shape).toEqual([3, 2]);
  });

  test("chooses what is trainable", () => {
    const bytes = writeOnnx({ ...frozenMlp(), parameters: [] });
    expect(parseOnnx(bytes).parameters).toEqual([]);
    const heads = parseOnnx(bytes, { trainable: (name) => name.startsWith("head.") });
    expect(heads.parameters).toEqual(["head.weight", "head.bias"]);
    expect(parseOnnx(bytes, { trainable: () => false }).parameters).toEqual([]);
    expect(parseOnnx(writeOnnx(frozenMlp())).parameters).toEqual(frozenMlp().parameters);
  });
});

describe("reading files of other writers", () => {
  test("brings operator sets 13 to 22 to one form", async () => {
    for (const opset of [13, 14, 16, 17]) {
      const reduced = parseModel(
        [{ op: "ReduceMean", inputs: ["x"], outputs: ["y"], attributes: [ints("axes", -1), int("keepdims", 0)] }],
        {
          opset,
        },
      );
      expect(reduced.valueInfo.get("y")?.shape).toEqual(["N"]);
      expect((await runGraph(reduced, { x: floats([3, 2]) })).y!.shape).toEqual([3]);
    }
    const axes = tensor("axes", { dims: [1n], dataType: 7, int64Data: [0n] });
    for (const opset of [18, 20, 22]) {
      const reduced = parseModel([{ op: "ReduceMean", inputs: ["x", "axes"], outputs: ["y"] }], {
        opset,
        initializers: [axes],
      });
      expect(reduced.valueInfo.get("y")?.shape).toEqual([1, 2]);
    }
    const split = parseModel([{ op: "Split", inputs: ["x"], outputs: ["y", "z"], attributes: [int("axis", 1)] }]);
    expect(split.valueInfo.get("z")?.shape).toEqual(["N", 1]);
    expect((await runGraph(split, { x: floats([3, 2]) })).y!.shape).toEqual([3, 1]);
  });

  test("reads typed fields as well as raw bytes, and Constant nodes of every kind", async () => {
    const value = (fields: object) => create(AttributeProtoSchema, { name: "value", ...fields });
    const constants = [
      value({ type: AttributeKind.TENSOR, t: tensor("", { dims: [2n], dataType: 1, floatData: [1, 2] }) }),
      create(AttributeProtoSchema, { name: "value_float", type: AttributeKind.FLOAT, f: 0.5 }),
      create(AttributeProtoSchema, { name: "value_floats", type: AttributeKind.FLOATS, floats: [3, 4] }),
    ];
    const nodes = constants.flatMap((attribute, i) => [
      { op: "Constant", inputs: [], outputs: [`c${i}`], attributes: [attribute] },
      { op: "Mul", inputs: [i === 0 ? "x" : `y${i - 1}`, `c${i}`], outputs: [`y${i}`] },
    ]);
    const flag = tensor("flag", { dims: [2n], dataType: 9, int32Data: [0, 1] });
    const last = { op: "Where", inputs: ["flag", "y2", "x"], outputs: ["y"] };
    const graph = parseModel([...nodes, last], { initializers: [flag] });
    expect(graph.nodes.some((node) => node.op === "Constant")).toBe(false);
    expect(graph.parameters).toEqual([]);
    const result = await runGraph(graph, { x: { shape: [1, 2], data: Float32Array.of(10, 10) } });
    expect(Array.from(result.y!.data as Float32Array)).toEqual([10, 40]);
  });
});

describe("what cannot be read is refused in words", () => {
  let bytes: Uint8Array;
  beforeAll(async () => {
    bytes = await loadFixtureBytes("packages/nn/test/fixtures/mlp_film.onnx.gz");
  });
  const refusal = (act: () => unknown): Error => {
    try {
      act();
    } catch (error) {
      return error as Error;
    }
    throw new Error("Nothing was refused.");
  };

  test("an operator set, a format, an element type that is not read, an input without a shape", () => {
    const relu = [{ op: "Relu", inputs: ["x"], outputs: ["y"] }];
    expect(() => parseModel(relu, { opset: 12 })).toThrow(/operator set 12; sets 13 to 22/);
    expect(() => parseModel(relu, { opset: 23 })).toThrow(/operator set 23; sets 13 to 22/);
    const text = tensor("w", { dims: [1n], dataType: 8, stringData: [new Uint8Array(1)] });
    expect(() => parseModel(relu, { initializers: [text] })).toThrow(/initializer "w" has the element type STRING/);
    const newer = model(relu);
    newer.irVersion = 12n;
    expect(() => parseOnnx(bytesOf(newer))).toThrow(/format \(IR\) version 12/);
    const shapeless = model(relu);
    const type = shapeless.graph!.input[0]!.type!.value;
    if (type.case === "tensorType") {
      delete type.value.shape;
    }
    expect(() => parseOnnx(bytesOf(shapeless))).toThrow(/input "x" has no shape/);
  });

  test("tensors that lie about their size, without allocating it", () => {
    const relu = [{ op: "Relu", inputs: ["x"], outputs: ["y"] }];
    const cases = [
      { dims: [4n], dataType: 1, rawData: new Uint8Array(12) },
      { dims: [1n << 40n, 1n << 40n], dataType: 1, rawData: new Uint8Array(4) },
      { dims: [1n << 52n], dataType: 1, floatData: [1] },
      { dims: [-1n], dataType: 1, floatData: [1] },
      { dims: [3n], dataType: 7, int64Data: [1n] },
    ];
    for (const fields of cases) {
      expect(refusal(() => parseModel(relu, { initializers: [tensor("w", fields)] }))).toBeInstanceOf(FormatError);
    }
  });

  test("graphs with cycles, missing or double values, and shapes that do not fit", () => {
    const relu = (inputs: string[], outputs: string[]) => ({ op: "Relu", inputs, outputs });
    const cases: [Parameters<typeof model>[0], RegExp][] = [
      [[relu(["b"], ["a"]), relu(["a"], ["b"])], /reads "b" before it is made/],
      [[relu(["x"], ["a"])], /the output "y" is made by nothing/],
      [[relu(["nowhere"], ["y"])], /reads "nowhere", which nothing makes/],
      [[relu(["x"], ["y"]), relu(["x"], ["y"])], /makes "y", which exists already/],
      [
        [
          { op: "MatMul", inputs: ["x", "x"], outputs: ["y"] },
          relu(["y"], ["z"]),
          { op: "Gemm", inputs: ["x"], outputs: ["w"] },
        ],
        /needs 2 to 3 inputs/,
      ],
    ];
    for (const [nodes, message] of cases) {
      const error = refusal(() => parseModel(nodes));
      expect(error).toBeInstanceOf(FormatError);
      expect(error.message).toMatch(message);
    }
  });

  test("bytes that are empty, foreign, or cut short anywhere", () => {
    for (const foreign of [
      new Uint8Array(0),
      new TextEncoder().encode("{}"),
      new TextEncoder().encode("PK\u0003\u0004 not a model"),
      new Uint8Array(100),
    ]) {
      expect(refusal(() => parseOnnx(foreign))).toBeInstanceOf(FormatError);
    }
    for (let length = 1; length < bytes.length - 1; length += 997) {
      expect(
        refusal(() => parseOnnx(bytes.subarray(0, length))),
        `${length} bytes`,
      ).toBeInstanceOf(FormatError);
    }
  });

  test("any mutation is read or refused with an error of this package", () => {
    const original = writeOnnx(frozenMlp());
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat({ max: original.length - 1 }), value: fc.nat({ max: 255 }) }), {
          minLength: 1,
          maxLength: 8,
        }),
        (changes) => {
          const mutated = original.slice();
          for (const { at, value } of changes) {
            mutated[at] = value;
          }
          try {
            parseOnnx(mutated);
          } catch (error) {
            expect(error instanceof FormatError || error instanceof IncompatibleError, String(error)).toBe(true);
          }
        },
      ),
      { seed: 20260103, numRuns: 400 },
    );
  });

  test("metadata that is not a list of names", () => {
    const damagedModel = fromBinary(ModelProtoSchema, writeOnnx(frozenMlp()));
    damagedModel.metadataProps[0]!.value = "[";
    expect(refusal(() => parseOnnx(bytesOf(damagedModel)))).toBeInstanceOf(FormatError);
  });
});
