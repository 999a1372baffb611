import { ArgumentError, RandomKey, ShapeError, Tensor } from "@diffusiongym/core";
import { afterAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { jacobianTrace, vjp } from "../../src/autodiff/index.js";
import { conv2d, GraphBuilder, linear, mlp, type NetworkDefinition, silu } from "../../src/builder/index.js";
import { Engine } from "../../src/engine/index.js";
import { drawProbe, Network } from "../../src/network/index.js";
import { dot, wave } from "./finite-differences.js";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.dispose());

/** A velocity field of the plane with numbers in every parameter. */
function field(): Network {
  const network = Network.initialize(
    mlp({ inDim: 2, width: 16, depth: 2, timeDim: 8, condDim: 8 }),
    RandomKey.fromSeed(1),
    { engine },
  );
  network.parameters.data.forEach((value, i) => {
    network.parameters.data[i] = value + 0.2 * Math.sin(3 * i);
  });
  return network;
}

/** A field on images, and one on two parts that see each other. */
function imageField(): NetworkDefinition {
  const g = new GraphBuilder("images");
  const hidden = silu(g, conv2d(g, g.input("x", ["N", 2, 2, 3]), { name: "first", out: 4, kernel: 3, padding: 1 }));
  g.output("v", conv2d(g, hidden, { name: "second", out: 2, kernel: 3, padding: 1 }));
  return g.build();
}

function twoParts(): NetworkDefinition {
  const g = new GraphBuilder("parts");
  const both = g.concat([g.input("a", ["N", 2]), g.input("b", ["N", 1])], 1);
  const hidden = silu(g, linear(g, both, { name: "hidden", out: 8 }));
  g.output("va", linear(g, hidden, { name: "a", out: 2 }));
  g.output("vb", linear(g, hidden, { name: "b", out: 1 }));
  return g.build();
}

const n = 5;
const inputs = { x: new Tensor(wave(2 * n, 1), [n, 2]), t: new Tensor(Float32Array.of(0.1, 0.3, 0.5, 0.7, 0.9), [n]) };

/** sum_j (f_j(x + h e_j) - f_j(x - h e_j)) / 2h of every sample, by fourth-order differences. */
async function differenceTrace(
  f: (x: Float32Array) => Promise<Float32Array>,
  x: Float32Array,
  size: number,
): Promise<Float64Array> {
  const trace = new Float64Array(x.length / size);
  const h = 0.05;
  for (let j = 0; j < size; j++) {
    const at = (step: number): Promise<Float32Array> => f(x.map((value, i) => (i % size === j ? value + step : value)));
    const [up, down, farUp, farDown] = [await at(h), await at(-h), await at(2 * h), await at(-2 * h)];
    trace.forEach((_, i) => {
      const k = i * size + j;
      trace[i]! += (8 * (up[k]! - down[k]!) - (farUp[k]! - farDown[k]!)) / (12 * h);
    });
  }
  return trace;
}

describe("jvp", () => {
  test("is the derivative along tangents of inputs and parameters, beside outputs that are kept", async () => {
    const network = field();
    const tangents = { x: new Tensor(wave(2 * n, 5), [n, 2]), "head.weight": new Tensor(wave(32, 6), [2, 16]) };
    const { outputs, derivatives } = await network.jvp(inputs, tangents, { keep: ["output"] });
    expect(outputs.output).toEqual((await network.run(inputs)).output);
    const u = wave(2 * n, 8);
    const { gradients } = await network.vjp(inputs, { output: new Tensor(u, [n, 2]) }, { wrt: ["x", "head.weight"] });
    const transposed =
      dot(gradients.x!.data, tangents.x.data) + dot(gradients["head.weight"]!.data, tangents["head.weight"].data);
    expect(dot(derivatives.output!.data, u)).toBeCloseTo(transposed, 4);
  });

  test("says what is missing or unknown", async () => {
    const network = field();
    await expect(network.jvp(inputs, { y: inputs.x })).rejects.toThrow(ArgumentError);
    await expect(network.jvp(inputs, { x: new Tensor(new Float32Array(4), [2, 2]) })).rejects.toThrow(ShapeError);
  });
});

describe("jacobianTrace", () => {
  test("is exact: the sum of the Jacobian's diagonal, by finite differences", async () => {
    const network = field();
    const { trace, outputs } = await network.jacobianTrace(inputs, { keep: ["output"] });
    expect(outputs.output).toEqual((await network.run(inputs)).output);
    expect(trace.shape).toEqual([n]);
    const expected = await differenceTrace(
      async (x) => (await network.run({ ...inputs, x: new Tensor(x, [n, 2]) })).output!.data as Float32Array,
      inputs.x.data,
      2,
    );
    expectAllClose(trace.data, expected, { absolute: 2e-3 });
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.1);
  });

  test("of images, and over several inputs and outputs", async () => {
    const images = Network.initialize(imageField(), RandomKey.fromSeed(4), { engine });
    const x = wave(24, 2);
    const { trace } = await images.jacobianTrace({ x: new Tensor(x, [2, 2, 2, 3]) });
    const byDifferences = await differenceTrace(
      async (moved) => (await images.run({ x: new Tensor(moved, [2, 2, 2, 3]) })).v!.data as Float32Array,
      x,
      12,
    );
    expectAllClose(trace.data, byDifferences, { absolute: 2e-3 });

    const parts = Network.initialize(twoParts(), RandomKey.fromSeed(4), { engine });
    const state = { a: new Tensor(wave(6, 1), [3, 2]), b: new Tensor(wave(3, 2), [3, 1]) };
    const over = async (pairs: Record<string, string>): Promise<Float32Array> =>
      (await parts.jacobianTrace(state, { pairs })).trace.data;
    const [a, b, both] = [await over({ a: "va" }), await over({ b: "vb" }), await over({ a: "va", b: "vb" })];
    expectAllClose(
      both,
      a.map((value, i) => value + b[i]!),
      { absolute: 1e-6 },
    );
  });

  test("is the mean of Hutchinson's estimates over all basis vectors, scaled to variance 1", async () => {
    const network = field();
    const { trace } = await network.jacobianTrace(inputs);
    // sqrt(2) e_1 and sqrt(2) e_2: their outer products average to 1.
    const probes = [0, 1].map((j) => ({
      x: new Tensor(
        Float32Array.from({ length: 2 * n }, (_, i) => (i % 2 === j ? Math.SQRT2 : 0)),
        [n, 2],
      ),
    }));
    const estimate = await network.jacobianTrace(inputs, { probes });
    expectAllClose(estimate.trace.data, trace.data, { absolute: 1e-5 });
  });

  test.each(["rademacher", "normal"] as const)("is what %s probes estimate without bias", async (kind) => {
    // One point many times, so that one run is many estimates.
    const count = 20_000;
    const network = field();
    const many = {
      x: new Tensor(
        Float32Array.from({ length: 2 * count }, (_, i) => [0.3, -0.7][i % 2]!),
        [count, 2],
      ),
      t: new Tensor(new Float32Array(count).fill(0.4), [count]),
    };
    const probe = drawProbe({ shape: [count, 2], streams: RandomKey.fromSeed(9).streams(), kind });
    const { trace: estimates } = await network.jacobianTrace(many, { probes: { x: probe } });
    const exact = (
      await network.jacobianTrace({
        x: new Tensor(many.x.data.slice(0, 2), [1, 2]),
        t: new Tensor(Float32Array.of(0.4), [1]),
      })
    ).trace.data[0]!;
    const mean = estimates.data.reduce((sum, value) => sum + value, 0) / count;
    const variance = estimates.data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
    expect(variance).toBeGreaterThan(1e-4);
    // Four standard errors: a right estimate fails once in 16 000 seeds, and this one is fixed.
    expect(Math.abs(mean - exact)).toBeLessThan(4 * Math.sqrt(variance / count));
  });

  test("is differentiable: a graph whose output it is", async () => {
    const g = new GraphBuilder("cubic");
    const x = g.input("x", ["N", 2]);
    g.output("v", g.mul(g.square(x), x));
    const { graph, trace } = jacobianTrace(g.build().graph, { pairs: { x: "v" }, keep: [] });
    expect(graph.outputs).toEqual([trace]);
    // tr = 3 (x0^2 + x1^2), whose gradient is 6 x.
    const slope = vjp(graph, { wrt: ["x"], outputs: [trace], cotangents: "ones" });
    const executable = await engine.compile(slope.graph);
    const results = await executable.run({ x: Tensor.from([[1, 2]]) });
    expectAllClose(results[trace]!.data as Float32Array, [15], { absolute: 1e-5 });
    expectAllClose(results[slope.gradients.get("x")!]!.data as Float32Array, [6, 12], { absolute: 1e-5 });
  });

  test("shares one forward pass among its backward passes", () => {
    const { graph } = mlp({ inDim: 2, width: 8, depth: 2 });
    const count = (op: string, of: typeof graph): number => of.nodes.filter((node) => node.op === op).length;
    const exact = jacobianTrace(graph, { pairs: { x: "output" }, keep: [] }).graph;
    expect(count("Sigmoid", exact)).toBe(count("Sigmoid", graph));
    expect(count("LayerNormalization", exact)).toBe(count("LayerNormalization", graph));
  });

  test("says what it needs", async () => {
    const parts = Network.initialize(twoParts(), RandomKey.fromSeed(4), { engine });
    const state = { a: new Tensor(wave(6, 1), [3, 2]), b: new Tensor(wave(3, 2), [3, 1]) };
    await expect(parts.jacobianTrace(state)).rejects.toThrow(
      /2 pairs of an input and an output .* say which in `pairs`/,
    );
    await expect(parts.jacobianTrace(state, { pairs: { a: "vb" } })).rejects.toThrow(ShapeError);
    await expect(parts.jacobianTrace(state, { pairs: {} })).rejects.toThrow(/no pair/);
    await expect(parts.jacobianTrace(state, { pairs: { va: "a" } })).rejects.toThrow(/"va" is no input of the graph/);
    await expect(parts.jacobianTrace(state, { pairs: { a: "va" }, probes: { b: state.b } })).rejects.toThrow(
      /direction for "a" is missing/,
    );
    await expect(parts.jacobianTrace(state, { pairs: { a: "va" }, probes: [] })).rejects.toThrow(/no probes/);
    const g = new GraphBuilder("large");
    g.output("y", g.exp(g.input("x", ["N", 300])));
    expect(() => jacobianTrace(g.build().graph, { pairs: { x: "y" } })).toThrow(
      /300 entries a sample.*method: "probe"/,
    );
  });
});

test("a probe depends on the sample's stream only", () => {
  const streams = RandomKey.fromSeed(3).streams();
  for (const kind of ["rademacher", "normal"] as const) {
    const whole = drawProbe({ shape: [6, 2, 3], streams, kind });
    const part = drawProbe({ shape: [2, 2, 3], streams: streams.from(4), kind });
    expect(whole.data.slice(24)).toEqual(part.data);
  }
  const signs = drawProbe({ shape: [200, 5], streams });
  expect(new Set(signs.data)).toEqual(new Set([-1, 1]));
  expect(Math.abs(signs.data.reduce((sum, value) => sum + value, 0))).toBeLessThan(4 * Math.sqrt(1000));
});
