import { ArgumentError, RandomKey, ShapeError, Tensor } from "@diffusiongym/core";
import { afterAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { gradients } from "../../src/autodiff/index.js";
import { GraphBuilder, type GraphValue, linear, meanSquaredError, silu, valueMlp } from "../../src/builder/index.js";
import { Engine } from "../../src/engine/index.js";
import { type BuildLoss, Network } from "../../src/network/index.js";
import { Adam } from "../../src/optimizers/index.js";
import { directionalDerivative, dot, wave } from "../network/finite-differences.js";
import { floats } from "../ops/cases.js";
import { checkGradients } from "../ops/finite-differences.js";
import { runGraph, type TestTensor } from "../ops/run-graph.js";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.dispose());

const vector = (...data: number[]): TestTensor => ({ shape: [data.length], data: Float32Array.from(data) });

/** Outputs of a graph over a vector x of symbolic length. */
async function compute(build: (g: GraphBuilder, x: GraphValue) => GraphValue, x: TestTensor): Promise<number[]> {
  const g = new GraphBuilder("f");
  g.output("y", build(g, g.input("x", ["N"])));
  return Array.from((await runGraph(g.build().graph, { x })).y!.data as Float32Array);
}

describe("gradients in a builder", () => {
  test("are values like any other", async () => {
    expect(await compute((g, x) => gradients(g, { of: g.square(x), wrt: [x] })[0]!, vector(1, 2))).toEqual([2, 4]);
    // x times its own derivative's square.
    const made = await compute(
      (g, x) => {
        const [slope] = gradients(g, { of: g.mul(g.square(x), x), wrt: [x] });
        return g.mul(x, g.square(slope!));
      },
      vector(1, 2),
    );
    expect(made).toEqual([9, 2 * 144]);
  });

  test("of any order", async () => {
    const third = await compute(
      (g, x) => {
        let value = g.sin(x);
        for (let order = 0; order < 3; order++) {
          value = gradients(g, { of: value, wrt: [x] })[0]!;
        }
        return value;
      },
      vector(0.3, 1.2),
    );
    expectAllClose(third, [-Math.cos(0.3), -Math.cos(1.2)], { absolute: 1e-6 });
  });

  test("of several values, with cotangents, with respect to values in between and to what they do not reach", async () => {
    const g = new GraphBuilder("several");
    const [x, v, other] = [g.input("x", ["N"]), g.input("v", ["N"]), g.input("other", ["M", 2])];
    const middle = g.mul(x, 3);
    const made = gradients(g, { of: [g.square(middle), g.exp(x)], wrt: [x, middle, other], cotangents: [v, v] });
    made.forEach((value, i) => {
      g.output(`g${i}`, value);
    });
    const feeds = { x: vector(0, 1), v: vector(2, 10), other: floats([3, 2]) };
    const results = await runGraph(g.build().graph, feeds);
    expectAllClose(results.g0!.data as Float32Array, [2, 180 + 10 * Math.E], { absolute: 1e-4 });
    expectAllClose(results.g1!.data as Float32Array, [0, 60], { absolute: 1e-5 });
    expect(results.g2).toEqual({ shape: [3, 2], data: new Float32Array(6) });
  });

  test("write nothing twice: the forward pass is that of the builder", () => {
    const { graph } = valueMlp({ inDim: 2 });
    const g = new GraphBuilder(graph);
    g.output("slope", gradients(g, { of: g.value("value"), wrt: [g.value("x")] })[0]!);
    const count = (op: string, of = g.build().graph): number => of.nodes.filter((node) => node.op === op).length;
    expect(count("Sigmoid")).toBe(count("Sigmoid", graph));
    expect(count("Gemm")).toBe(2 * count("Gemm", graph));
  });

  test("are refused for integers, and with cotangents that do not fit", () => {
    const g = new GraphBuilder("bad");
    const [x, n] = [g.input("x", ["N"]), g.input("n", ["N"], "int64")];
    expect(() => gradients(g, { of: g.exp(x), wrt: [n] })).toThrow(ArgumentError);
    expect(() => gradients(g, { of: g.exp(x), wrt: [x], cotangents: [] })).toThrow(
      /0 cotangents were given for 1 values/,
    );
    expect(() => gradients(g, { of: g.exp(x), wrt: [x], cotangents: [g.input("v", [2])] })).toThrow(ShapeError);
  });
});

/** Names of the gradient penalty's and the gradient match's own inputs. */
const penalty: BuildLoss = (g, { value }) => {
  const [slope] = gradients(g, { of: value!, wrt: [g.value("x")] });
  const norm = g.sqrt(g.add(g.reduceSum(g.square(slope!), { axes: [1] }), 1e-6));
  return g.reduceMean(g.square(g.sub(norm, 1)));
};
const matching: BuildLoss = (g, { value }) => {
  const [slope] = gradients(g, { of: value!, wrt: [g.value("x")] });
  return meanSquaredError(g, { prediction: slope!, target: g.input("target", slope!.shape) });
};

describe("losses that contain a gradient", () => {
  const make = (): Network =>
    Network.initialize(valueMlp({ inDim: 2, width: 16, depth: 2, zeroStart: false }), RandomKey.fromSeed(2), {
      engine,
    });
  const points = wave(64, 3).map((value) => 2 * value);
  const inputs = { x: new Tensor(points, [32, 2]), t: new Tensor(new Float32Array(32).fill(0.5), [32]) };
  // The gradient of V = |x|^2 / 2 + x0 x1, so that there is a value network which has it.
  const slopes = points.map((value, i) => value + points[i ^ 1]!);
  const cases = {
    penalty: [penalty, inputs],
    matching: [matching, { ...inputs, target: new Tensor(slopes, [32, 2]) }],
  } as const;

  test.each(["penalty", "matching"] as const)("%s: the gradient is that of finite differences", async (kind) => {
    const network = make();
    const fit = network.lossGradient(cases[kind][0]);
    await fit.run(cases[kind][1]);
    const gradient = network.gradients.clone();
    for (const seed of [1, 2]) {
      const direction = wave(network.parameters.size, seed);
      const loss = async (): Promise<number> => (await fit.run(cases[kind][1])).loss;
      const slope = await directionalDerivative(loss, network.parameters.data, direction, 1e-3);
      expect(Math.abs(dot(gradient.data, direction) - slope)).toBeLessThan(1e-2 * Math.abs(slope) + 1e-3);
    }
  });

  test("training matches the gradient of a function", async () => {
    const network = make();
    const fit = network.lossGradient(matching);
    const optimizer = new Adam(network.parameters, { learningRate: 0.02 });
    const { loss: before } = await fit.run(cases.matching[1]);
    let after = before;
    for (let step = 0; step < 300; step++) {
      after = (await fit.run(cases.matching[1])).loss;
      optimizer.update(network.gradients);
    }
    expect(before).toBeGreaterThan(1);
    expect(after).toBeLessThan(0.02);
    const { gradients: learned } = await network.vjp(inputs, "ones", { wrt: ["x"] });
    expectAllClose(learned.x!.data, slopes, { absolute: 1 });
  });

  test("with checkpoints it has the same bits", async () => {
    const network = make();
    const plain = network.lossGradient(matching);
    const checkpointed = network.lossGradient(matching, { checkpoint: 3 });
    const { loss } = await plain.run(cases.matching[1]);
    const gradient = network.gradients.data.slice();
    network.gradients.data.fill(0);
    expect((await checkpointed.run(cases.matching[1])).loss).toBe(loss);
    expect(network.gradients.data).toEqual(gradient);
  });
});

test("second derivatives of layers: gradient of the gradient's square against finite differences", async () => {
  const g = new GraphBuilder("layers");
  const x = g.input("x", ["N", 3]);
  const y = linear(g, silu(g, linear(g, x, { name: "a", out: 4 })), { name: "b", out: 1 });
  const [slope] = gradients(g, { of: y, wrt: [x] });
  g.output("energy", g.reduceSum(g.square(slope!)));
  const { graph, parameters } = g.build();
  const feeds: Record<string, TestTensor> = { x: floats([2, 3]) };
  parameters.forEach(({ name, shape }, i) => {
    feeds[name] = floats(shape, -0.8, 0.8, 20 + i);
  });
  await checkGradients(graph, feeds, { order: 1 });
});
