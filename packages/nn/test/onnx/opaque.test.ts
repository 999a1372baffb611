import { ArgumentError, FormatError, IncompatibleError } from "@diffusiongym/core";
import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { vjp } from "../../src/autodiff/index.js";
import { GraphBuilder } from "../../src/builder/index.js";
import { Engine, ExecutionError } from "../../src/engine/index.js";
import { Network } from "../../src/network/index.js";
import { parseOnnx, writeOnnx } from "../../src/onnx/index.js";
import { floats } from "../ops/cases.js";
import { runGraph } from "../ops/run-graph.js";
import { attr, code, fileOf, floatTensor, graph, node, runFile, tensor, value } from "./model-file.js";

const x = value("x", code.float, ["N", 4]);
const y = value("y", code.float, ["N", 4]);
const weights = [
  floatTensor(
    "w",
    [4, 4],
    Array.from({ length: 16 }, (_, i) => Math.sin(i)),
  ),
];
const microsoft = { domains: { "com.microsoft": 1 } };

/** y = 2 |x w - rows of w| v: an operator of another domain between two that are known. */
const foreign = (values: ReturnType<typeof value>[] = []) =>
  fileOf(
    graph({
      inputs: [x],
      outputs: [y],
      values,
      initializers: [
        ...weights,
        floatTensor(
          "v",
          [4, 4],
          Array.from({ length: 16 }, (_, i) => Math.cos(i)),
        ),
      ],
      nodes: [
        node("MatMul", ["x", "w"], ["h"]),
        node("CDist", ["h", "w"], ["g"], {
          domain: "com.microsoft",
          name: "distances",
          attributes: [attr.string("metric", "euclidean")],
        }),
        node("MatMul", ["g", "v"], ["m"]),
        node("Add", ["m", "m"], ["y"]),
      ],
    }),
    microsoft,
  );

describe("operators that this package does not know", () => {
  const feeds = { x: floats([3, 4]) };

  test("run as they are, in a file that is read and written again", async () => {
    const expected = (await runFile(foreign(), feeds)).y!.data;
    const read = parseOnnx(foreign());
    expect(read.nodes[1]!.opaque).toBe("this package does not know the operator com.microsoft.CDist (operator set 1)");
    expect(read.domains).toEqual(new Map([["com.microsoft", 1]]));
    for (const graph of [read, parseOnnx(writeOnnx(read))]) {
      expectAllClose((await runGraph(graph, feeds)).y!.data as Float32Array, expected, { absolute: 1e-6 });
    }
    expect(parseOnnx(writeOnnx(read))).toEqual(read);
    const network = Network.load(foreign());
    expect(network.parameters.names).toEqual(["w", "v"]);
    await network.dispose();
  });

  test("have no derivative, and the error says that only this is missing, and where", () => {
    const read = parseOnnx(foreign([value("g", code.float, ["N", 4])]));
    const through = () => vjp(read, { wrt: ["w"] });
    expect(through).toThrow(IncompatibleError);
    expect(through).toThrow(
      /com\.microsoft\.CDist \(node "distances"\) cannot be differentiated: .*Only its derivative is missing/s,
    );
    expect(() => vjp(read, { wrt: ["x"] })).toThrow(/CDist/);
  });

  test("do not hinder derivatives that go around them, where the file says what they make", async () => {
    const read = parseOnnx(foreign([value("g", code.float, ["N", 4])]));
    const derivative = vjp(read, { wrt: ["v"], cotangents: "ones", keep: [] });
    const results = await runGraph(derivative.graph, feeds);
    expect(results["grad:v"]!.shape).toEqual([4, 4]);
    expect(derivative.graph.domains).toEqual(read.domains);
    const network = Network.load(foreign([value("g", code.float, ["N", 4])]), { trainable: "v" });
    expect(
      (await network.vjp({}, "ones", { wrt: ["v"] }).catch((error: unknown) => error)) instanceof ArgumentError,
    ).toBe(true);
    await network.dispose();
  });

  test("make values of unknown type where the file does not say it, and who needs it is told", () => {
    const read = parseOnnx(foreign());
    expect(read.nodes[2]!.opaque).toMatch(/type of "g" is not known/);
    expect(() => vjp(read, { wrt: ["v"] })).toThrow(/cannot be differentiated/);
    expect(() => new GraphBuilder(read).value("g")).toThrow(
      /The type of "g" is not known: CDist \(node "distances"\) makes it/,
    );
  });

  test("keep the operator set of their file, which may mean something else by them", async () => {
    const grid = floatTensor("grid", [1, 2, 2, 2], [-1, -0.5, 0.25, 0.75, 0, 0, 1, 1]);
    const image = value("x", code.float, ["N", 1, 4, 4]);
    const file = (opset: number, mode: string) =>
      fileOf(
        graph({
          inputs: [image],
          outputs: [value("y", code.float, ["N", 1, 2, 2])],
          initializers: [grid],
          nodes: [
            node("GridSample", ["x", "grid"], ["s"], { attributes: [attr.string("mode", mode)] }),
            node("Relu", ["s"], ["y"]),
          ],
        }),
        { opset },
      );
    const feeds = { x: floats([1, 1, 4, 4]) };
    for (const [opset, mode] of [
      [16, "bilinear"],
      [20, "linear"],
    ] as const) {
      const original = file(opset, mode);
      const read = parseOnnx(original);
      expect(read.opset).toBe(Math.max(opset, 18));
      const expected = (await runFile(original, feeds)).y!.data;
      expectAllClose((await runGraph(read, feeds)).y!.data as Float32Array, expected, { absolute: 1e-6 });
    }
  });

  test("that the runtime does not know either are named when the graph is compiled", async () => {
    const made = fileOf(
      graph({ inputs: [x], outputs: [y], nodes: [node("Frobnicate", ["x"], ["y"], { name: "odd" })] }),
    );
    const read = parseOnnx(made);
    const engine = new Engine({ threads: 1 });
    const refusal = engine.compile(read);
    await expect(refusal).rejects.toThrow(ExecutionError);
    await expect(refusal).rejects.toThrow(/Frobnicate/);
  });

  test("in known operators: attributes that are not known", () => {
    const relu = [node("Relu", ["x"], ["y"], { attributes: [attr.int("steep", 1)] })];
    expect(parseOnnx(fileOf(graph({ inputs: [x], outputs: [y], nodes: relu }))).nodes[0]!.opaque).toMatch(
      /attribute "steep" of Relu/,
    );
  });

  test("and a wrong number of inputs is still a damaged file", () => {
    const gemm = [node("Gemm", ["x"], ["y"])];
    expect(() => parseOnnx(fileOf(graph({ inputs: [x], outputs: [y], nodes: gemm })))).toThrow(FormatError);
  });
});

describe("element types beside those of the table", () => {
  test("quantised weights run, and are not trained", async () => {
    const file = fileOf(
      graph({
        inputs: [x],
        outputs: [y],
        initializers: [
          tensor("q", { dims: [4n, 4n], dataType: code.int8, int32Data: Array.from({ length: 16 }, (_, i) => i - 8) }),
          floatTensor("scale", [], [0.125]),
          tensor("zero", { dims: [], dataType: code.int8, rawData: Uint8Array.of(255) }),
        ],
        nodes: [node("DequantizeLinear", ["q", "scale", "zero"], ["w"]), node("MatMul", ["x", "w"], ["y"])],
      }),
    );
    const feeds = { x: floats([2, 4]) };
    const read = parseOnnx(file);
    expect(read.initializers.get("q")).toEqual({
      type: "int8",
      shape: [4, 4],
      data: Int8Array.from({ length: 16 }, (_, i) => i - 8),
    });
    expect(read.parameters).toEqual(["scale"]);
    expectAllClose((await runGraph(read, feeds)).y!.data as Float32Array, (await runFile(file, feeds)).y!.data, {
      absolute: 1e-6,
    });
    expect(parseOnnx(writeOnnx(read))).toEqual(read);
  });
});
