import { ShapeError } from "@diffusiongym/core";
import { describe, expect, test } from "vitest";
import { vjp } from "../../src/autodiff/index.js";
import { GraphBuilder } from "../../src/builder/index.js";
import { type Attributes, attribute } from "../../src/ir/index.js";
import { floats, separated } from "./case-helpers.js";
import { runGraph } from "./run-graph.js";

const { ints, int, string } = attribute;

/** A convolution over images [N, 2, H, 8] with a kernel [6, 2, 3, 3]. */
function convolve(attributes: Attributes, op: "Conv" | "ConvTranspose" = "Conv") {
  const g = new GraphBuilder("images");
  const w = op === "Conv" ? [6, 2, 3, 3] : [2, 6, 3, 3];
  const y = g.emit(op, [g.input("x", ["N", 2, "H", 8]), g.input("w", w)], { attributes })[0]!;
  g.output("y", y);
  return { y, graph: g.build().graph };
}

describe("shapes", () => {
  test("stay symbolic where a convolution keeps them", () => {
    const same = { pads: ints([1, 1, 1, 1]) };
    expect(convolve(same).y.shape).toEqual(["N", 6, "H", 8]);
    expect(convolve({ auto_pad: string("SAME_UPPER") }).y.shape).toEqual(["N", 6, "H", 8]);
    expect(convolve({ ...same, dilations: ints([2, 2]) }).y.shape.slice(3)).toEqual([6]);
    const halved = convolve({ ...same, strides: ints([2, 2]) }).y.shape;
    expect([halved[0], halved[1], halved[3]]).toEqual(["N", 6, 4]);
    expect(typeof halved[2]).toBe("string");
    expect(halved[2]).not.toBe("H");
    const doubled = { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]), output_padding: ints([1, 1]) };
    expect(convolve(doubled, "ConvTranspose").y.shape).toEqual(["N", 6, "2*H", 16]);
  });

  test("that do not fit are refused by name", () => {
    const g = new GraphBuilder("test");
    const x = g.input("x", ["N", 4, 3, 3]);
    const w = g.input("w", [6, 2, 3, 3]);
    const [long, bias] = [g.input("long", [6, 4, 4, 3]), g.input("bias", [5])];
    const refused: [() => unknown, RegExp][] = [
      [
        () => g.emit("Conv", [x, w]),
        /Conv .* cannot convolve the shapes \[N, 4, 3, 3\] and \[6, 2, 3, 3\] in 1 groups/,
      ],
      [() => g.emit("Conv", [x, long]), /kernel longer than the axis 2/],
      [() => g.emit("Conv", [x, w, bias], { attributes: { group: int(2) } }), /bias \[5\] to 6 channels/],
      [() => g.emit("Conv", [x, w], { attributes: { group: int(2), strides: ints([0, 1]) } }), /strides \[0, 1\]/],
      [
        () => g.emit("Conv", [x, w], { attributes: { group: int(2), kernel_shape: ints([1, 1]) } }),
        /kernel_shape \[1, 1\]/,
      ],
      [() => g.emit("AveragePool", [x]), /lacks the attribute kernel_shape/],
      [() => g.emit("MaxPool", [x], { attributes: { kernel_shape: ints([4, 1]) } }), /window longer than the axis 2/],
      [
        () => g.emit("InstanceNormalization", [x, g.floats([1, 2]), g.floats([1, 2])]),
        /vector of 4 entries as input 1/,
      ],
      [() => g.emit("Resize", [x]), /needs scales or sizes/],
      [() => g.emit("Resize", [x, undefined, g.floats([1, 1, 0, 2])]), /has the scale 0/],
      [() => g.emit("DepthToSpace", [x], { attributes: { blocksize: int(3) } }), /cannot divide the axis of 4 by 9/],
      [() => g.emit("TopK", [x, g.integers([4])], { outputs: 2 }), /takes 4 of 3 entries/],
    ];
    for (const [act, message] of refused) {
      expect(act).toThrow(ShapeError);
      expect(act).toThrow(message);
    }
  });
});

describe("derivatives are made for speed", () => {
  const operators = (attributes: Attributes): string[] =>
    vjp(convolve(attributes).graph, { wrt: ["x", "w"], keep: [] }).graph.nodes.map(({ op }) => op);

  test("the input's by a convolution where the stride is 1, the weight's by matrix products", () => {
    const dense = operators({ pads: ints([1, 1, 1, 1]) });
    expect(dense.filter((op) => op === "Conv")).toHaveLength(1);
    expect(dense).not.toContain("ConvTranspose");
    // The weight's gradient is a Gemm; the product reverses the kernel.
    expect(dense.filter((op) => op === "Gemm")).toHaveLength(1);
    expect(dense.filter((op) => op === "MatMul")).toHaveLength(1);
    expect(operators({ pads: ints([1, 1, 1, 1]), strides: ints([2, 2]) })).toContain("ConvTranspose");
  });

  test("a wide weight's by one product an entry of the kernel", () => {
    const g = new GraphBuilder("wide");
    const attributes = { pads: ints([1, 1, 1, 1]) };
    g.output("y", g.emit("Conv", [g.input("x", ["N", 64, 8, 8]), g.input("w", [32, 64, 3, 3])], { attributes })[0]!);
    const made = vjp(g.build().graph, { wrt: ["w"], keep: [] }).graph.nodes.map(({ op }) => op);
    expect(made.filter((op) => op === "MatMul")).toHaveLength(9);
  });

  test("an enlargement's by pooling, without matrices", () => {
    const g = new GraphBuilder("resize");
    g.output("y", g.emit("Resize", [g.input("x", ["N", 2, "H", "W"]), undefined, g.floats([1, 1, 2, 2])])[0]!);
    const made = vjp(g.build().graph, { wrt: ["x"], keep: [] }).graph.nodes.map(({ op }) => op);
    expect(made).toContain("AveragePool");
    expect(made).not.toContain("MatMul");
  });
});

test("operators without a derivative give what their types say", async () => {
  const g = new GraphBuilder("discrete");
  const x = g.input("x", ["N", 4]);
  const least = { axis: int(1), keepdims: int(0) };
  g.output("largest", g.emit("ArgMax", [x], { attributes: { axis: int(1) } })[0]!);
  g.output("least", g.emit("ArgMin", [x], { attributes: least })[0]!);
  g.output("order", g.emit("TopK", [x, g.integers([3])], { outputs: 2 })[1]!);
  g.output("missing", g.emit("IsNaN", [g.sqrt(x)])[0]!);
  g.output("up", g.emit("Ceil", [x])[0]!);
  g.output("near", g.emit("Round", [x])[0]!);
  const { graph } = g.build();
  const types = graph.outputs.map((name) => graph.valueInfo.get(name));
  expect(types.map((type) => type?.type)).toEqual(["int64", "int64", "int64", "bool", "float32", "float32"]);
  expect(types.slice(0, 3).map((type) => type?.shape)).toEqual([["N", 1], ["N"], ["N", 3]]);
  const data = Float32Array.of(0.4, 2.6, -1.5, 0.5, 3, -0.2, 4.5, 1);
  const results = await runGraph(graph, { x: { shape: [2, 4], data } });
  expect(Array.from(results.largest!.data, Number)).toEqual([1, 2]);
  expect(Array.from(results.least!.data, Number)).toEqual([2, 1]);
  expect(Array.from(results.order!.data, Number)).toEqual([1, 3, 0, 2, 0, 3]);
  expect(Array.from(results.missing!.data, Number)).toEqual([0, 0, 1, 0, 0, 1, 0, 0]);
  expect(results.largest!.shape).toEqual([2, 1]);
});

test("a strided convolution whose rows do not come out even has a gradient of the input's shape", async () => {
  const { graph } = convolve({ strides: ints([2, 3]) });
  const derivative = vjp(graph, { wrt: ["x", "w"], keep: [] });
  for (const height of [3, 4, 5, 6]) {
    const x = floats([1, 2, height, 8]);
    const rows = Math.floor((height - 3) / 2) + 1;
    const feeds = { x, w: floats([6, 2, 3, 3]), "cotangent:y": separated([1, 6, rows, 2]) };
    const results = await runGraph(derivative.graph, feeds);
    expect(results["grad:x"]!.shape).toEqual(x.shape);
    expect(results["grad:w"]!.shape).toEqual([6, 2, 3, 3]);
  }
});
