import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixtureBytes } from "../../../../tooling/test/fixtures.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { floats } from "../ops/cases.js";
import { runGraph } from "../ops/run-graph.js";
import { attr, code, fileOf, floatTensor, graph, intTensor, node, runFile, tensor, value } from "./model-file.js";

const shapeOps = new Set(["Shape", "Size", "ConstantOfShape", "Range", "NonZero"]);

describe("what follows from known lengths is computed on reading", () => {
  test("a chain of shape arithmetic over every operator that is folded", async () => {
    const nodes = [
      node("Shape", ["x"], ["shape"]),
      node("Gather", ["shape", "first"], ["n"]),
      node("Gather", ["shape", "second"], ["c"]),
      node("Mul", ["n", "c"], ["entries"]),
      node("Div", ["entries", "two"], ["rows"]),
      node("Unsqueeze", ["rows", "axis"], ["rows1"]),
      node("Concat", ["rows1", "two1"], ["target"], { attributes: [attr.int("axis", 0)] }),
      node("Reshape", ["x", "target"], ["r"]),
      // A float path: sqrt and floor of a length, and a scale of 1/sqrt(c).
      node("Cast", ["c"], ["cf"], { attributes: [attr.int("to", code.float)] }),
      node("Sqrt", ["cf"], ["root"]),
      node("Div", ["oneF", "root"], ["scale"]),
      node("Mul", ["r", "scale"], ["scaled"]),
      // A mask: Range, Expand by a shape that Where puts together, comparisons.
      node("ConstantOfShape", ["two1"], ["ones"], { attributes: [attr.tensor("value", intTensor("", [1], [1]))] }),
      node("Equal", ["target", "minus"], ["isFree"]),
      node("Where", ["isFree", "ones", "target"], ["expanded"]),
      node("Range", ["zero", "rows", "one"], ["range"]),
      node("Unsqueeze", ["range", "axis1"], ["column"]),
      node("Less", ["column", "two"], ["early"]),
      node("Expand", ["early", "expanded"], ["mask"]),
      node("Where", ["mask", "scaled", "r"], ["y"]),
    ];
    const file = fileOf(
      graph({
        inputs: [value("x", code.float, ["N", "C"])],
        outputs: [value("y", code.float)],
        initializers: [
          ...Object.entries({ first: 0, second: 1, two: 2, zero: 0, one: 1 }).map(([name, v]) =>
            intTensor(name, [], [v]),
          ),
          intTensor("axis", [1], [0]),
          intTensor("axis1", [1], [1]),
          intTensor("two1", [1], [2]),
          intTensor("minus", [1], [-1]),
          floatTensor("oneF", [], [1]),
        ],
        nodes,
      }),
    );
    const read = parseOnnx(file, { dims: { N: 4, C: 3 }, trainable: "none" });
    expect(read.nodes.map(({ op }) => op)).toEqual(["Reshape", "Mul", "Where"]);
    expect(read.valueInfo.get("y")).toEqual({ type: "float32", shape: [6, 2] });
    const feeds = { x: floats([4, 3]) };
    const expected = (await runFile(file, feeds)).y!.data;
    for (const graph of [read, parseOnnx(file, { trainable: "none" })]) {
      expectAllClose((await runGraph(graph, feeds)).y!.data as Float32Array, expected, { absolute: 1e-6 });
    }
  });

  test.each(["mini_unet", "text_encoder", "gnn", "vae_decoder"])(
    "no shape is left in %s when all lengths are fixed",
    async (name) => {
      const bytes = await loadFixtureBytes(`packages/nn/test/fixtures/${name}.onnx.gz`);
      const symbols = new Set(
        parseOnnx(bytes).inputs.flatMap(({ shape }) => shape.filter((length) => typeof length === "string")),
      );
      const dims = Object.fromEntries(Array.from(symbols, (symbol) => [symbol, 4]));
      const read = parseOnnx(bytes, { dims });
      expect(read.nodes.filter(({ op }) => shapeOps.has(op)).map(({ op, name: at }) => `${op} ${at}`)).toEqual([]);
      expect(read.inputs.every(({ shape }) => shape.every((length) => typeof length === "number"))).toBe(true);
    },
  );

  test("parameters are never computed away, outputs stay computed, and -0, large and 64-bit numbers stay what they are", async () => {
    const file = fileOf(
      graph({
        inputs: [value("x", code.float, [2])],
        outputs: [value("y", code.float, [2]), value("z", code.float, [2]), value("far", code.int64, [1])],
        initializers: [
          floatTensor("w", [2], [4, 9]),
          tensor("end", { dims: [1n], dataType: code.int64, int64Data: [(1n << 63n) - 1n] }),
          tensor("top", { dims: [1n], dataType: code.int64, int64Data: [(1n << 63n) - 1n] }),
          intTensor("start", [1], [0]),
        ],
        nodes: [
          node("Sqrt", ["w"], ["root"]),
          node("Mul", ["x", "root"], ["y"]),
          node("Constant", [], ["minusZero"], { attributes: [attr.floats("value_floats", -0, 0)] }),
          node("Neg", ["minusZero"], ["z"]),
          node("Identity", ["end"], ["same"]),
          node("Slice", ["x", "start", "same"], ["all"]),
          node("Min", ["same", "top"], ["far"]),
        ],
      }),
    );
    const read = parseOnnx(file);
    expect(read.nodes.map(({ op }) => op)).toContain("Sqrt");
    expect(read.nodes.map(({ op }) => op)).toContain("Neg");
    const feeds = { x: floats([2]) };
    const [ours, theirs] = [await runGraph(read, feeds), await runFile(file, feeds)];
    expect(Object.is((ours.z!.data as Float32Array)[1], -0)).toBe(true);
    expect(ours.far!.data).toEqual(theirs.far!.data as unknown);
    const folded = parseOnnx(file, { trainable: "none" });
    expect(folded.nodes.map(({ op }) => op)).not.toContain("Sqrt");
    expectAllClose((await runGraph(folded, feeds)).y!.data as Float32Array, theirs.y!.data, { absolute: 0 });
  });
});

describe("operator sets 13 to 22", () => {
  const x = value("x", code.float, ["N", 4, 6]);
  const nodesFor = (opset: number) => {
    const axes = opset < 18;
    return [
      node("ReduceMean", axes ? ["x"] : ["x", "last"], ["mean"], { attributes: axes ? [attr.ints("axes", -1)] : [] }),
      node("ReduceLogSum", axes ? ["exp"] : ["exp", "last"], ["log"], {
        attributes: axes ? [attr.ints("axes", -1)] : [],
      }),
      node("Split", ["x"], ["left", "right"], {
        attributes: opset < 18 ? [attr.int("axis", 2)] : [attr.int("axis", 2), attr.int("num_outputs", 2)],
      }),
      node("Sub", ["left", "right"], ["d"]),
      node("Pad", ["d", "pads"], ["padded"], { attributes: [attr.string("mode", "edge")] }),
      node("AveragePool", ["padded"], ["pooled"], {
        attributes: [
          attr.ints("kernel_shape", 3),
          attr.int("ceil_mode", 1),
          ...(opset >= 19 ? [attr.ints("dilations", 1)] : []),
        ],
      }),
      node("BatchNormalization", ["pooled", "four", "four", "four", "four"], ["normal"]),
      node("Resize", ["normal", "", "scales"], ["resized"], { attributes: [attr.string("mode", "nearest")] }),
      node("Reshape", ["resized", "flat"], ["flattened"]),
      node("Cast", ["flattened"], ["cast"], {
        attributes: [attr.int("to", code.float), ...(opset >= 19 ? [attr.int("saturate", 0)] : [])],
      }),
      node("Dropout", ["cast", "ratio"], ["kept"]),
      node(opset >= 14 ? "HardSwish" : "Relu", ["kept"], ["swished"]),
      node("Concat", ["swished", "meanFlat", "logFlat"], ["y"], { attributes: [attr.int("axis", 1)] }),
    ];
  };
  const initializers = [
    intTensor("last", [1], [-1]),
    intTensor("pads", [6], [0, 0, 1, 0, 0, 1]),
    floatTensor("four", [4], [0.5, 1, 1.5, 2]),
    floatTensor("scales", [3], [1, 1, 2]),
    intTensor("flat", [2], [0, -1]),
    floatTensor("ratio", [], [0.5]),
  ];

  test.each([13, 14, 15, 16, 17, 18, 19, 20, 21, 22])("set %i gives the runtime's own numbers", async (opset) => {
    const file = fileOf(
      graph({
        inputs: [x],
        outputs: [value("y", code.float)],
        initializers,
        nodes: [
          node("Exp", ["x"], ["exp"]),
          ...nodesFor(opset).slice(0, 2),
          node("Reshape", ["mean", "flat"], ["meanFlat"]),
          node("Reshape", ["log", "flat"], ["logFlat"]),
          ...nodesFor(opset).slice(2),
        ],
      }),
      { opset, ir: opset < 19 ? 8 : 10 },
    );
    const read = parseOnnx(file);
    const feeds = { x: floats([2, 4, 6]) };
    expectAllClose((await runGraph(read, feeds)).y!.data as Float32Array, (await runFile(file, feeds)).y!.data, {
      absolute: 2e-6,
    });
    expect(read.nodes.filter(({ opaque }) => opaque !== undefined).map(({ op }) => op)).toEqual([]);
    expect(read.opset).toBe(18);
  });

  test.each([
    ["Pad by wrapping around", node("Pad", ["x", "pads"], ["y"], { attributes: [attr.string("mode", "wrap")] })],
    [
      "AveragePool with dilations",
      node("AveragePool", ["x"], ["y"], { attributes: [attr.ints("kernel_shape", 2), attr.ints("dilations", 2)] }),
    ],
  ])("%s stays in its own set", async (_, only) => {
    const file = fileOf(graph({ inputs: [x], outputs: [value("y", code.float)], initializers, nodes: [only] }), {
      opset: 19,
      ir: 9,
    });
    const read = parseOnnx(file);
    const feeds = { x: floats([2, 4, 6]) };
    expect(read.opset).toBe(19);
    expectAllClose((await runGraph(read, feeds)).y!.data as Float32Array, (await runFile(file, feeds)).y!.data, {
      absolute: 1e-6,
    });
  });
});
