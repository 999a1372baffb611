import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import {
  averagePool2d,
  conv1d,
  conv2d,
  convTranspose2d,
  embedding,
  GraphBuilder,
  type GraphValue,
  groupNorm,
  maxPool2d,
  pixelShuffle,
  rmsNorm,
  upsample2d,
} from "../../src/builder/index.js";
import { runGraph, type TestTensor } from "../ops/run-graph.js";

/** What a layer makes of the numbers 1, 2, 3, ... in a shape. */
async function apply(shape: readonly number[], layer: (g: GraphBuilder, x: GraphValue) => GraphValue) {
  const g = new GraphBuilder("layer");
  g.output("y", layer(g, g.input("x", ["N", ...shape.slice(1)])));
  const size = shape.reduce((product, length) => product * length, 1);
  const { graph, parameters } = g.build();
  const feeds: Record<string, TestTensor> = {
    x: { shape, data: Float32Array.from({ length: size }, (_, i) => i + 1) },
  };
  for (const { name, shape: own } of parameters) {
    const length = own.reduce((product, axis) => product * axis, 1);
    feeds[name] = { shape: own, data: new Float32Array(length).fill(name.endsWith("bias") ? 0.5 : 1) };
  }
  const { y } = await runGraph(graph, feeds);
  return { shape: y!.shape, values: Array.from(y!.data as Float32Array), parameters };
}

describe("layers", () => {
  test("convolutions along one axis and transposed ones, with PyTorch's shapes and starts", async () => {
    const one = await apply([1, 2, 4], (g, x) => conv1d(g, x, { name: "c", out: 2, kernel: 3, groups: 2 }));
    expect(one.values).toEqual([6.5, 9.5, 18.5, 21.5]);
    const start = { kind: "uniform", low: -1 / Math.sqrt(3), high: 1 / Math.sqrt(3) };
    expect(one.parameters).toEqual([
      { name: "c.weight", shape: [2, 1, 3], initialization: start },
      { name: "c.bias", shape: [2], initialization: start },
    ]);
    const wide = await apply([1, 1, 2, 2], (g, x) =>
      convTranspose2d(g, x, { name: "u", out: 3, kernel: 2, stride: 2, bias: false }),
    );
    expect(wide.shape).toEqual([1, 3, 4, 4]);
    expect(wide.values.slice(0, 8)).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
    expect(wide.parameters.map(({ name, shape }) => [name, shape])).toEqual([["u.weight", [1, 3, 2, 2]]]);
    expect(wide.parameters[0]!.initialization).toEqual({
      kind: "uniform",
      low: -1 / Math.sqrt(12),
      high: 1 / Math.sqrt(12),
    });
  });

  test("group normalisation: mean 0 and variance 1 in each group, then weight and bias", async () => {
    const { values } = await apply([1, 4, 1, 2], (g, x) => groupNorm(g, x, { name: "n", groups: 2 }));
    const unit = [-3, -1, 1, 3].map((value) => value / Math.sqrt(5) + 0.5);
    expectAllClose(Float32Array.from(values), Float32Array.from([...unit, ...unit]), { absolute: 1e-5 });
  });

  test("pooling, enlarging and shuffling pixels", async () => {
    expect((await apply([1, 1, 2, 4], (g, x) => averagePool2d(g, x, { kernel: 2 }))).values).toEqual([3.5, 5.5]);
    expect((await apply([1, 1, 2, 4], (g, x) => maxPool2d(g, x, { kernel: 2, stride: 1 }))).values).toEqual([6, 7, 8]);
    const padded = await apply([1, 1, 1, 1], (g, x) => averagePool2d(g, x, { kernel: 2, padding: 1, stride: 1 }));
    expect(padded.values).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect((await apply([1, 1, 1, 2], (g, x) => upsample2d(g, x))).values).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
    const smooth = await apply([1, 1, 1, 2], (g, x) => upsample2d(g, x, { mode: "bilinear" }));
    expect(smooth.values.slice(0, 4)).toEqual([1, 1.25, 1.75, 2]);
    const shuffled = await apply([1, 4, 1, 2], (g, x) => pixelShuffle(g, x, 2));
    expect(shuffled.values).toEqual([1, 3, 2, 4, 5, 7, 6, 8]);
  });

  test("normalisation by the root mean square", async () => {
    const { values, parameters } = await apply([2, 2], (g, x) => rmsNorm(g, x, { name: "n", epsilon: 0.5 }));
    const expected = [1 / Math.sqrt(3), 2 / Math.sqrt(3), 3 / Math.sqrt(13), 4 / Math.sqrt(13)];
    expectAllClose(Float32Array.from(values), Float32Array.from(expected), { absolute: 1e-6 });
    expect(parameters).toEqual([{ name: "n.weight", shape: [2], initialization: { kind: "constant", value: 1 } }]);
  });

  test("rows by index", async () => {
    const g = new GraphBuilder("rows");
    g.output("y", embedding(g, g.input("i", ["N", 2], "int64"), { name: "e", count: 3, dim: 2 }));
    const { graph, parameters } = g.build();
    const rows = { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
    const { y } = await runGraph(graph, { i: { shape: [1, 2], data: BigInt64Array.of(2n, 0n) }, "e.weight": rows });
    expect(y!.shape).toEqual([1, 2, 2]);
    expect(Array.from(y!.data, Number)).toEqual([5, 6, 1, 2]);
    const start = { kind: "normal", mean: 0, standardDeviation: 1 };
    expect(parameters).toEqual([{ name: "e.weight", shape: [3, 2], initialization: start }]);
  });

  test("what does not fit is refused", () => {
    const g = new GraphBuilder("test");
    const x = g.input("x", ["N", 6, "H", "W"]);
    const free = g.input("free", ["N", "C", 4, 4]);
    const refused: [() => unknown, typeof ShapeError | typeof ArgumentError, RegExp][] = [
      [() => conv2d(g, x, { name: "c", out: 4, kernel: 3, groups: 4 }), ShapeError, /in 4 groups/],
      [() => conv1d(g, x, { name: "c", out: 4, kernel: 3 }), ShapeError, /needs 3 axes/],
      [() => conv2d(g, free, { name: "c", out: 4, kernel: 3 }), ShapeError, /second axis must be a number/],
      [() => conv2d(g, x, { name: "c", out: 4, kernel: [3] }), ArgumentError, /kernel is \[3\]/],
      [() => groupNorm(g, x, { name: "n", groups: 4 }), ShapeError, /4 groups do not divide the 6 channels/],
      [() => upsample2d(g, x, { scale: 1.5 }), ArgumentError, /scale is 1\.5/],
      [() => pixelShuffle(g, x, 2), ShapeError, /square of 2 does not divide the 6 channels/],
    ];
    for (const [act, kind, message] of refused) {
      expect(act).toThrow(kind);
      expect(act).toThrow(message);
    }
  });
});
