import { DiffusionGymError, FormatError } from "@diffusiongym/core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { parseOnnx } from "../../src/onnx/index.js";
import { exported } from "./exports.js";
import {
  AttributeKind,
  attr,
  code,
  definition,
  fileOf,
  floatTensor,
  graph,
  node,
  tensor,
  value,
} from "./model-file.js";

/** What reading does with bytes: nothing, or an error of this family with words in it. */
function outcome(bytes: Uint8Array): DiffusionGymError | undefined {
  try {
    parseOnnx(bytes);
    return undefined;
  } catch (error) {
    expect(DiffusionGymError.isInstance(error), String((error as Error).stack)).toBe(true);
    expect((error as Error).message.length).toBeGreaterThan(40);
    return error as DiffusionGymError;
  }
}

describe("a real model that was damaged", () => {
  let file: Uint8Array;
  beforeAll(async () => {
    file = await exported("names.dynamo.onnx");
  });

  test("is refused wherever it is cut short", () => {
    // The last fields of a model are its operator sets: without them it is no model.
    for (let length = 0; length < file.length; length += 5) {
      expect(outcome(file.subarray(0, length)), `${length} bytes`).toBeInstanceOf(DiffusionGymError);
    }
  });

  test("is read or refused in words whatever bit of it flips", () => {
    let read = 0;
    for (let i = 0; i < file.length; i += 23) {
      const flipped = file.slice();
      flipped[i]! ^= 1 << (i % 8);
      read += outcome(flipped) ? 0 : 1;
    }
    // Most bits are those of weights.
    expect(read).toBeGreaterThan(100);
  });

  test("is read or refused in words whatever bytes are changed, added or left out", () => {
    const place = fc.nat({ max: file.length - 1 });
    const change = fc.record({
      at: place,
      drop: fc.nat({ max: 4 }),
      add: fc.array(fc.constantFrom(0, 1, 8, 10, 18, 42, 127, 128, 255), { maxLength: 10 }),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        let bytes = [...file];
        for (const { at, drop, add } of changes) {
          bytes = [...bytes.slice(0, at), ...add, ...bytes.slice(at + drop)];
        }
        outcome(Uint8Array.from(bytes));
      }),
      { seed: 20261122, numRuns: 300 },
    );
  });
});

describe("a small model of everything", () => {
  const branch = (op: string) => graph({ nodes: [node(op, ["h"], ["r"])], outputs: [value("r", code.float)] });
  const body = graph({
    inputs: [value("i", code.int64, []), value("go", code.bool, []), value("s", code.float)],
    outputs: [value("on", code.bool, []), value("t", code.float)],
    nodes: [node("Identity", ["go"], ["on"]), node("Mul", ["s", "w"], ["t"])],
  });
  const file = fileOf(
    graph({
      inputs: [value("x", code.float, ["N", 2])],
      outputs: [value("y", code.float, ["N", 2])],
      values: [value("h", code.float, ["N", 2])],
      initializers: [
        floatTensor("w", [2], [1, 2]),
        tensor("half", { dims: [2n], dataType: code.half, int32Data: [0x3c00, 0xfc00] }),
        tensor("yes", { dims: [], dataType: code.bool, int32Data: [1] }),
        tensor("count", { dims: [], dataType: code.int64, int64Data: [3n] }),
      ],
      nodes: [
        node("Twice", ["x"], ["h"], { domain: "local", attributes: [attr.float("slope", 0.25)] }),
        node("If", ["yes"], ["b"], {
          attributes: [attr.graph("then_branch", branch("Relu")), attr.graph("else_branch", branch("Neg"))],
        }),
        node("Loop", ["count", "", "b"], ["l"], { attributes: [attr.graph("body", body)] }),
        node("Max", ["l", "half"], ["m"]),
        node("Shape", ["m"], ["shape"]),
        node("Reshape", ["m", "shape"], ["y"]),
      ],
    }),
    {
      functions: [
        definition({
          name: "Twice",
          inputs: ["a"],
          outputs: ["b"],
          attributes: ["slope"],
          nodes: [
            node("LeakyRelu", ["a"], ["c"], { attributes: [attr.reference("alpha", "slope", AttributeKind.FLOAT)] }),
            node("Add", ["c", "c"], ["b"]),
          ],
        }),
      ],
    },
  );

  test("is read whole, and refused in words wherever it is cut", () => {
    expect(outcome(file)).toBeUndefined();
    for (let length = 0; length < file.length; length++) {
      // The functions come last; without one, its call is of an operator that nobody knows.
      outcome(file.subarray(0, length));
    }
  });

  test("is read or refused in words whatever bit of it flips", () => {
    for (let i = 0; i < 8 * file.length; i += 3) {
      const flipped = file.slice();
      flipped[i >> 3]! ^= 1 << (i % 8);
      outcome(flipped);
    }
  });
});

describe("models that lie", () => {
  const x = value("x", code.float, ["N", 2]);
  const y = value("y", code.float);
  const relu = node("Relu", ["x"], ["y"]);
  const of = (fields: Partial<Parameters<typeof graph>[0]>): Uint8Array =>
    fileOf(graph({ inputs: [x], outputs: [y], nodes: [relu], ...fields }));

  const refusals: [string, Uint8Array, RegExp][] = [
    [
      "a tensor larger than its bytes",
      of({ initializers: [tensor("w", { dims: [4n], dataType: 1, rawData: new Uint8Array(12) })] }),
      /needs 16 bytes and has 12/,
    ],
    [
      "a tensor larger than any memory",
      of({ initializers: [tensor("w", { dims: [1n << 40n, 1n << 40n], dataType: 1, rawData: new Uint8Array(4) })] }),
      /needs .* bytes and has 4/,
    ],
    [
      "more entries than there are",
      of({ initializers: [tensor("w", { dims: [1n << 50n], dataType: 7, int64Data: [1n] })] }),
      /needs .* entries/,
    ],
    [
      "a negative length",
      of({ initializers: [tensor("w", { dims: [-4n, -1n], dataType: 1, floatData: [1, 2, 3, 4] })] }),
      /axis of length -4/,
    ],
    [
      "too many axes",
      of({ initializers: [tensor("w", { dims: new Array<bigint>(70).fill(1n), dataType: 1, floatData: [1] })] }),
      /70 axes/,
    ],
    ["a negative length of an input", of({ inputs: [value("x", code.float, [-3])] }), /axis of length -3/],
    ["two values of one name", of({ nodes: [relu, node("Neg", ["x"], ["y"])] }), /makes "y", which exists already/],
    ["two inputs of one name", of({ inputs: [x, x] }), /two inputs are called "x"/],
    [
      "two initializers of one name",
      of({ initializers: [floatTensor("w", [1], [1]), floatTensor("w", [1], [1])] }),
      /two initializers are called "w"/,
    ],
    ["a cycle", of({ nodes: [node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"]), relu] }), /cycle/],
    [
      "an input that nobody makes",
      of({ nodes: [node("Add", ["x", "nowhere"], ["y"])] }),
      /"nowhere", which nothing makes/,
    ],
    ["an output that nobody makes", of({ outputs: [value("z", code.float)] }), /output "z" is made by nothing/],
    [
      "texts for numbers",
      of({ initializers: [tensor("w", { dims: [1n], dataType: 8, stringData: [Uint8Array.of(65)] })] }),
      /element type STRING/,
    ],
    ["a constant without a value", of({ nodes: [relu, node("Constant", [], ["c"])] }), /holds nothing/],
    [
      "a constant of text",
      of({ nodes: [relu, node("Constant", [], ["c"], { attributes: [attr.string("value_string", "a")] })] }),
      /holds value_string/,
    ],
    [
      "sparse tensors",
      (() => {
        const sparse = graph({ inputs: [x], outputs: [y], nodes: [relu] });
        sparse.sparseInitializer.push({ $typeName: "onnx.SparseTensorProto", dims: [] } as never);
        return fileOf(sparse);
      })(),
      /sparse/,
    ],
    [
      "a body that reads what nobody makes",
      of({
        nodes: [
          node("If", ["x"], ["y"], {
            attributes: [
              attr.graph("then_branch", graph({ nodes: [node("Neg", ["lost"], ["n"])], outputs: [value("n")] })),
            ],
          }),
        ],
      }),
      /"lost", which nothing makes/,
    ],
  ];

  test.each(refusals)("%s", (_, bytes, message) => {
    const error = outcome(bytes);
    expect(error).toBeDefined();
    expect(error!.message).toMatch(message);
  });

  test("a shape that asks for more than can be is not computed on reading", () => {
    const huge = tensor("shape", { dims: [3n], dataType: 7, int64Data: [1n << 40n, 1n << 40n, 1n << 40n] });
    outcome(of({ initializers: [huge], nodes: [node("Expand", ["x", "shape"], ["y"])] }));
    outcome(of({ initializers: [huge], nodes: [node("ConstantOfShape", ["shape"], ["y"])] }));
    const large = (name: string, entry: bigint) => tensor(name, { dims: [], dataType: 7, int64Data: [entry] });
    const range = [node("Range", ["from", "to", "by"], ["y"])];
    outcome(of({ initializers: [large("from", 0n), large("to", 1n << 60n), large("by", 1n)], nodes: range }));
  });

  test("an error is of the kind that its cause has", () => {
    expect(outcome(new Uint8Array(0))).toBeInstanceOf(FormatError);
    expect(outcome(new TextEncoder().encode("<!doctype html><title>404</title>"))).toBeInstanceOf(FormatError);
  });
});
