import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { vjp } from "../../src/autodiff/index.js";
import {
  type ActivationName,
  activate,
  film,
  fourierTimeFeatures,
  GraphBuilder,
  type GraphValue,
  kaimingUniform,
  layerNorm,
  linear,
  meanSquaredError,
  type NetworkDefinition,
  normal,
  sinusoidalFeatures,
  sumSquaredError,
  valueMlp,
} from "../../src/builder/index.js";
import { floats } from "../ops/cases.js";
import { checkGradients } from "../ops/finite-differences.js";
import { runGraph, type TestTensor } from "../ops/run-graph.js";

const vector = (...data: number[]): TestTensor => ({ shape: [data.length], data: Float32Array.from(data) });
const values = (tensor: TestTensor | undefined): number[] => Array.from(tensor!.data as Float32Array);

/** f(x) for a function of one vector. */
async function evaluate(build: (g: GraphBuilder, x: GraphValue) => GraphValue, x: TestTensor): Promise<number[]> {
  const g = new GraphBuilder("f");
  g.output("y", build(g, g.input("x", x.shape)));
  return values((await runGraph(g.build().graph, { x })).y);
}

describe("GraphBuilder", () => {
  test("builds what its documentation shows", () => {
    const g = new GraphBuilder("regressor");
    const x = g.input("x", ["N", 3]);
    const hidden = activate(g, linear(g, x, { name: "layers.0", out: 64 }), "silu");
    g.output("y", linear(g, hidden, { name: "head", out: 1 }));
    const { graph, parameters } = g.build();
    expect(parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ["layers.0.weight", [64, 3]],
      ["layers.0.bias", [64]],
      ["head.weight", [1, 64]],
      ["head.bias", [1]],
    ]);
    expect(graph.parameters).toEqual(parameters.map(({ name }) => name));
    expect(graph.valueInfo.get("y")).toEqual({ type: "float32", shape: ["N", 1] });
    expect(graph.nodes.map(({ op }) => op)).toEqual(["Gemm", "Sigmoid", "Mul", "Gemm"]);
    expectTypeOf(g.build()).toEqualTypeOf<NetworkDefinition>();
  });

  test("continues a graph without renaming what is in it", async () => {
    const first = new GraphBuilder("first");
    const x = first.input("x", ["N"]);
    first.output("y", first.mul(x, 2));
    const second = new GraphBuilder(first.build().graph);
    second.output("z", second.add(second.value("y"), 1));
    second.output("again", second.value("y"));
    const { graph } = second.build();
    expect(graph.outputs).toEqual(["y", "z", "again"]);
    const result = await runGraph(graph, { x: vector(1, 2) });
    expect([values(result.y), values(result.z), values(result.again)]).toEqual([
      [2, 4],
      [3, 5],
      [2, 4],
    ]);
  });

  test("refuses names that are taken, shapes that are not, and a network without output", () => {
    const g = new GraphBuilder("g");
    const x = g.input("x", ["N", 2]);
    expect(() => g.input("x", [1])).toThrow(ArgumentError);
    expect(() => g.input("", [1])).toThrow(ArgumentError);
    expect(() => g.parameter("x", [1], kaimingUniform(1))).toThrow(/has a value called "x" already/);
    expect(() => g.input("bad", [-1])).toThrow(ShapeError);
    expect(() => g.input("bad", ["4*N"])).toThrow(/a symbol such as "N"/);
    expect(() => g.build()).toThrow(/no output/);
    g.output("y", x);
    expect(() => g.output("y", x)).toThrow(/"y" already/);
    expect(() => linear(g, g.input("ragged", ["N", "M"]), { name: "l", out: 2 })).toThrow(
      /its last axis must be a number/,
    );
    const foreign = new GraphBuilder("other").input("x", ["N", 3]);
    expect(() => g.exp(foreign)).toThrow(/"x" is not a value of the graph "g"/);
    expect(() => activate(g, x, "silly" as ActivationName)).toThrow(/did you mean "silu"\?/);
  });
});

describe("layers", () => {
  test("linear works over the last axis of any rank", async () => {
    const g = new GraphBuilder("linear");
    const x = g.input("x", ["N", 2, 3]);
    g.output("y", linear(g, x, { name: "l", out: 2 }));
    g.output("z", linear(g, x, { name: "m", out: 1, bias: false, initialization: normal(0.1) }));
    const { graph, parameters } = g.build();
    expect(parameters.map(({ name }) => name)).toEqual(["l.weight", "l.bias", "m.weight"]);
    expect(parameters[0]!.initialization).toEqual({ kind: "uniform", low: -1 / Math.sqrt(3), high: 1 / Math.sqrt(3) });
    expect(parameters[2]!.initialization).toEqual({ kind: "normal", mean: 0, standardDeviation: 0.1 });
    const feeds = {
      x: floats([1, 2, 3]),
      "l.weight": floats([2, 3], -1, 1, 2),
      "l.bias": vector(1, 2),
      "m.weight": floats([1, 3], -1, 1, 3),
    };
    const { y } = await runGraph(graph, feeds);
    const [x0, w] = [values(feeds.x), values(feeds["l.weight"])];
    const expected = [0, 1].flatMap((row) =>
      [0, 1].map((out) => [0, 1, 2].reduce((sum, k) => sum + x0[row * 3 + k]! * w[out * 3 + k]!, out + 1)),
    );
    expectAllClose(values(y), expected, { absolute: 1e-6 });
    await checkGradients(graph, feeds, { order: 1 });
  });

  test("layerNorm and film compute their equations, with gradients of every parameter", async () => {
    const g = new GraphBuilder("norm");
    const x = g.input("x", ["N", 4]);
    const conditioning = g.input("c", ["N", 2]);
    g.output("y", film(g, layerNorm(g, x, { name: "norm" }), { name: "film", conditioning }));
    const { graph, parameters } = g.build();
    const feeds: Record<string, TestTensor> = { x: floats([2, 4], -2, 2), c: floats([2, 2]) };
    parameters.forEach(({ name, shape }, i) => {
      feeds[name] = floats(shape, -1, 1, 20 + i);
    });
    const of = (name: string): number[] => values(feeds[name]);
    const expected = [0, 1].flatMap((row) => {
      const entries = of("x").slice(4 * row, 4 * row + 4);
      const mean = entries.reduce((a, b) => a + b) / 4;
      const variance = entries.reduce((a, b) => a + (b - mean) ** 2, 0) / 4;
      const shift = (k: number): number =>
        [0, 1].reduce(
          (sum, i) => sum + of("film.to_scale_shift.weight")[2 * k + i]! * of("c")[2 * row + i]!,
          of("film.to_scale_shift.bias")[k]!,
        );
      return entries.map((entry, k) => {
        const normal = ((entry - mean) / Math.sqrt(variance + 1e-5)) * of("norm.weight")[k]! + of("norm.bias")[k]!;
        return normal * (1 + shift(k)) + shift(4 + k);
      });
    });
    expectAllClose(values((await runGraph(graph, feeds)).y), expected, { absolute: 1e-5 });
    await checkGradients(graph, feeds, { order: 1, stepSize: 0.02 });
  });

  test("features of time", async () => {
    const t = 0.3;
    expectAllClose(
      await evaluate((g, x) => fourierTimeFeatures(g, x), vector(t)),
      [t, Math.sin(2 * Math.PI * t), Math.sin(4 * Math.PI * t), Math.cos(2 * Math.PI * t), Math.cos(4 * Math.PI * t)],
      { absolute: 1e-6 },
    );
    const angles = [10 * t, 10 * t * 100 ** -0.5];
    expectAllClose(
      await evaluate((g, x) => sinusoidalFeatures(g, x, { dim: 4, windowSize: 100, timeMultiplier: 10 }), vector(t)),
      [...angles.map(Math.sin), ...angles.map(Math.cos)],
      { absolute: 1e-6 },
    );
    await expect(evaluate((g, x) => sinusoidalFeatures(g, x, { dim: 3 }), vector(t))).rejects.toThrow(/even number/);
  });
});

describe("losses", () => {
  const build = (loss: typeof meanSquaredError, weighted: boolean) => {
    const g = new GraphBuilder("loss");
    const prediction = g.input("prediction", ["N", 2]);
    const target = g.input("target", ["N", 2]);
    g.output("loss", loss(g, { prediction, target, ...(weighted ? { weights: g.input("weights", ["N"]) } : {}) }));
    return g.build().graph;
  };
  const feeds = {
    prediction: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    target: { shape: [2, 2], data: Float32Array.of(0, 0, 1, 1) },
    weights: vector(1, 10),
  };

  test("mean and sum, with a weight a row", async () => {
    expect(values((await runGraph(build(meanSquaredError, false), feeds)).loss)).toEqual([(1 + 4 + 4 + 9) / 4]);
    expect(values((await runGraph(build(meanSquaredError, true), feeds)).loss)).toEqual([(5 + 130) / 4]);
    expect(values((await runGraph(build(sumSquaredError, true), feeds)).loss)).toEqual([135]);
    const { graph } = vjp(build(sumSquaredError, true), { wrt: ["prediction"], cotangents: "ones", keep: [] });
    expect(values((await runGraph(graph, feeds))["grad:prediction"])).toEqual([2, 4, 40, 60]);
    await checkGradients(build(meanSquaredError, true), feeds, { tolerance: 2e-3 });
  });

  test("refuse shapes that would broadcast", () => {
    const g = new GraphBuilder("loss");
    const prediction = g.input("prediction", ["N"]);
    const target = g.input("target", ["N", 1]);
    expect(() => meanSquaredError(g, { prediction, target })).toThrow(ShapeError);
    expect(() => meanSquaredError(g, { prediction, target: prediction, weights: target })).toThrow(/one entry a row/);
  });
});

describe("valueMlp", () => {
  test("starts at value and gradient zero, for tensors of any shape and conditioning", async () => {
    const { graph, parameters } = valueMlp({
      inputs: { position: [2, 3], charge: [], kind: [4] },
      conditioningDim: 2,
      width: 5,
    });
    expect(graph.inputs.slice(0, 3).map(({ name, shape }) => [name, shape])).toEqual([
      ["position", ["N", 2, 3]],
      ["charge", ["N"]],
      ["kind", ["N", 4]],
    ]);
    expect(parameters[0]).toMatchObject({ name: "layers.0.weight", shape: [5, 6 + 1 + 4 + 5 + 2] });
    const { graph: derivative } = vjp(graph, { wrt: ["position", "charge"], cotangents: "ones" });
    const feeds: Record<string, TestTensor> = {
      position: floats([3, 2, 3]),
      charge: floats([3]),
      kind: floats([3, 4]),
      t: floats([3], 0, 1),
      conditioning: floats([3, 2]),
    };
    for (const { name, shape, initialization } of parameters) {
      const start = initialization.kind === "constant" ? initialization.value : undefined;
      feeds[name] = start === undefined ? floats(shape, -1, 1, name.length) : floats(shape, start, start);
    }
    const zero = await runGraph(derivative, feeds);
    expect(zero.value).toEqual({ shape: [3], data: new Float32Array(3) });
    expect(zero["grad:position"]).toEqual({ shape: [3, 2, 3], data: new Float32Array(18) });
    feeds["head.weight"] = floats([1, 5]);
    const moved = await runGraph(derivative, feeds);
    expect(values(moved.value).every((value) => value !== 0)).toBe(true);
    await checkGradients(graph, feeds, {
      wrt: ["position", "charge", "t", "layers.1.weight"],
      order: 1,
      stepSize: 0.01,
    });
  });

  test("wants one description of its input", () => {
    expect(() => valueMlp({})).toThrow(ArgumentError);
    expect(() => valueMlp({ inDim: 1, inputs: { x: [1] } })).toThrow(ArgumentError);
    expect(
      valueMlp({ inDim: 2, zeroStart: false }).parameters.some(
        ({ initialization }) => initialization.kind === "constant",
      ),
    ).toBe(false);
    const { parameters } = valueMlp({ inDim: 2, initialValue: -3 });
    expect(
      parameters.filter(({ name }) => name.startsWith("head.")).map(({ initialization }) => initialization),
    ).toEqual([
      { kind: "constant", value: 0 },
      { kind: "constant", value: -3 },
    ]);
  });
});
