import { ArgumentError, IncompatibleError } from "@diffusiongym/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { vjp } from "../../src/autodiff/index.js";
import { GraphBuilder, type GraphValue, gelu, layerNorm, linear, silu, valueMlp } from "../../src/builder/index.js";
import type { Graph } from "../../src/ir/index.js";
import { floats } from "../ops/cases.js";
import { checkGradients } from "../ops/finite-differences.js";
import { pseudoRandom, runGraph, type TestTensor } from "../ops/run-graph.js";

const values = (tensor: TestTensor | undefined): number[] => Array.from(tensor!.data as Float32Array);
const vector = (...data: number[]): TestTensor => ({ shape: [data.length], data: Float32Array.from(data) });

/** y = build(x) for a vector x of symbolic length. */
function functionOf(build: (g: GraphBuilder, x: GraphValue) => GraphValue): Graph {
  const g = new GraphBuilder("f");
  g.output("y", build(g, g.input("x", ["N"])));
  return g.build().graph;
}

/** dy/dx for a cotangent of ones. */
async function slope(build: (g: GraphBuilder, x: GraphValue) => GraphValue, x: TestTensor): Promise<number[]> {
  const { graph } = vjp(functionOf(build), { wrt: ["x"], cotangents: "ones", keep: [] });
  return values((await runGraph(graph, { x }))["grad:x"]);
}

describe("vjp", () => {
  test("what is rounded to 16 bits on the way is refused, not taken for constant", () => {
    const rounded = functionOf((g, x) => g.mul(g.cast(g.cast(x, "float16"), "float32"), 2));
    expect(() => vjp(rounded, { wrt: ["x"] })).toThrow(/in float16, which is for inference only; read the file with/);
    const masked = functionOf((g, x) => g.add(x, g.cast(g.cast(g.floats([1, 2]), "float16"), "float32")));
    expect(vjp(masked, { wrt: ["x"] }).gradients.get("x")).toBe("grad:x");
  });

  test("names gradients and cotangents, keeps what is asked for", async () => {
    const graph = functionOf((g, x) => g.square(x));
    const full = vjp(graph, { wrt: ["x"] });
    expect(full.graph.outputs).toEqual(["y", "grad:x"]);
    expect(full.graph.inputs.map((input) => input.name)).toEqual(["x", "cotangent:y"]);
    expect([...full.gradients]).toEqual([["x", "grad:x"]]);
    expect([...full.cotangents]).toEqual([["y", "cotangent:y"]]);
    const result = await runGraph(full.graph, { x: vector(1, 2), "cotangent:y": vector(1, 10) });
    expect(values(result.y)).toEqual([1, 4]);
    expect(values(result["grad:x"])).toEqual([2, 40]);
    expect(vjp(graph, { wrt: ["x"], keep: [] }).graph.outputs).toEqual(["grad:x"]);
  });

  test("does not mistake names that are taken", async () => {
    const first = vjp(
      functionOf((g, x) => g.mul(g.square(x), x)),
      { wrt: ["x"], cotangents: "ones" },
    ).graph;
    const second = vjp(first, { wrt: ["x"], outputs: ["grad:x"], cotangents: "ones" });
    expect(second.gradients.get("x")).toBe("grad:x_1");
    const result = await runGraph(second.graph, { x: vector(2, -1) });
    expect(values(result["grad:x"])).toEqual([12, 3]);
    expect(values(result["grad:x_1"])).toEqual([12, -6]);
  });

  test("accumulates repeated use", async () => {
    expect(await slope((g, x) => g.add(g.mul(x, 3), g.add(g.square(x), x)), vector(1, 2))).toEqual([6, 8]);
    expect(await slope((g, x) => g.sub(x, x), vector(1, 2))).toEqual([0, 0]);
    expect(await slope((_, x) => x, vector(5))).toEqual([1]);
  });

  test("gives zeros of the right shape, static and dynamic, to what does not reach an output", async () => {
    const g = new GraphBuilder("unused");
    const x = g.input("x", ["N", 2]);
    g.input("unused", ["N", 3]);
    g.input("alsoUnused", [2]);
    const rounded = g.input("rounded", ["N"]);
    g.output("y", g.reduceSum(x));
    g.output("steps", g.sign(rounded));
    const wrt = ["x", "unused", "alsoUnused", "rounded"];
    const { graph } = vjp(g.build().graph, { wrt });
    const feeds = {
      x: floats([4, 2]),
      unused: floats([4, 3]),
      alsoUnused: vector(1, 2),
      rounded: vector(1, 2, 3, 4),
      "cotangent:y": { shape: [], data: Float32Array.of(2) },
      "cotangent:steps": vector(1, 1, 1, 1),
    };
    const result = await runGraph(graph, feeds);
    expect(result["grad:unused"]).toEqual({ shape: [4, 3], data: new Float32Array(12) });
    expect(result["grad:alsoUnused"]).toEqual({ shape: [2], data: new Float32Array(2) });
    expect(result["grad:rounded"]).toEqual({ shape: [4], data: new Float32Array(4) });
    expect(values(result["grad:x"])).toEqual(new Array(8).fill(2));
  });

  test("computes nothing that nobody asked for", () => {
    const { graph, parameters } = valueMlp({ inDim: 2 });
    const byInput = vjp(graph, { wrt: ["x"], cotangents: "ones", keep: [] }).graph;
    expect(byInput.nodes.filter((node) => node.op === "ReduceSum")).toEqual([]);
    expect(byInput.nodes.filter((node) => node.op === "Gemm").length).toBe(3 + 4);
    const forward = graph.nodes.filter((node) => node.op === "Sigmoid").length;
    const everything = vjp(graph, { wrt: ["x", ...parameters.map(({ name }) => name)], cotangents: "ones" }).graph;
    expect(everything.nodes.filter((node) => node.op === "Sigmoid").length).toBe(forward);
    expect(everything.nodes.filter((node) => node.op === "Transpose")).toEqual([]);
    expect(everything.nodes.filter((node) => node.op === "Gemm").length).toBe(4 + 4 + 4);
  });

  test("shares what two gradients have in common, and gives one value two names where they are equal", async () => {
    const g = new GraphBuilder("sum");
    const a = g.input("a", ["N"]);
    const b = g.input("b", ["N"]);
    g.output("y", g.exp(g.add(a, b)));
    const { graph } = vjp(g.build().graph, { wrt: ["a", "b"], cotangents: "ones", keep: ["y"] });
    const result = await runGraph(graph, { a: vector(0, 1), b: vector(1, 0) });
    expect(values(result["grad:a"])).toEqual(values(result.y));
    expect(values(result["grad:b"])).toEqual(values(result.y));
    expect(graph.nodes.filter((node) => node.op === "Exp").length).toBe(1);
  });

  test("differentiates with respect to values in the middle", async () => {
    const g = new GraphBuilder("middle");
    const x = g.input("x", ["N"]);
    const middle = g.mul(x, 2);
    g.output("y", g.square(middle));
    const { graph, gradients } = vjp(g.build().graph, { wrt: [middle.name], cotangents: "ones", keep: [] });
    expect(values((await runGraph(graph, { x: vector(1, 3) }))[gradients.get(middle.name)!])).toEqual([4, 12]);

    // Inside a pattern that has a rule of its own.
    const h = new GraphBuilder("inside");
    const sigmoid = h.sigmoid(h.input("x", ["N"]));
    h.output("y", h.mul(h.value("x"), sigmoid));
    const inside = vjp(h.build().graph, { wrt: [sigmoid.name, "x"], cotangents: "ones", keep: [] });
    const result = await runGraph(inside.graph, { x: vector(0, 3) });
    expect(values(result[inside.gradients.get(sigmoid.name)!])).toEqual([0, 3]);
    expect(values(result["grad:x"])[0]).toBe(0.5);
  });

  test("documents the subgradients at kinks and ties", async () => {
    expect(await slope((g, x) => g.relu(x), vector(-1, 0, 1))).toEqual([0, 0, 1]);
    expect(await slope((g, x) => g.abs(x), vector(-1, 0, 1))).toEqual([-1, 0, 1]);
    expect(await slope((g, x) => g.max(x, 0), vector(-1, 0, 1))).toEqual([0, 0.5, 1]);
    expect(await slope((g, x) => g.reduceMax(x, { axes: [0] }), vector(2, 1, 2))).toEqual([0.5, 0, 0.5]);
    expect(await slope((g, x) => g.pow(x, 2), vector(0, -3))).toEqual([0, -6]);
  });

  test("refuses integers, unknown names and operators without the derivative asked for, in words", () => {
    const g = new GraphBuilder("lookup");
    const table = g.input("table", [5, 2]);
    const label = g.input("label", ["N"], "int64");
    g.output("y", g.gather(table, label, 0));
    const { graph } = g.build();
    expect(() => vjp(graph, { wrt: ["label"] })).toThrow(ArgumentError);
    expect(() => vjp(graph, { wrt: ["label"] })).toThrow(/"label" has the element type int64; only floating-point/);
    expect(() => vjp(graph, { wrt: ["tabl"] })).toThrow(/no value "tabl"; did you mean "table"\?/);
    expect(() => vjp(graph, { wrt: ["table"], outputs: ["z"] })).toThrow(/no value "z"/);

    const h = new GraphBuilder("convolution");
    h.output("y", h.emit("Conv", [h.input("x", [1, 1, 5]), h.input("kernel", [1, 1, "K"])])[0]!);
    const convolution = h.build().graph;
    expect(() => vjp(convolution, { wrt: ["x"] })).toThrow(IncompatibleError);
    expect(() => vjp(convolution, { wrt: ["x"] })).toThrow(
      /Conv \(node "conv"\) cannot be differentiated: its kernel or padding is decided while the graph runs/,
    );
  });
});

describe("differentiating twice", () => {
  test("gives the Hessian of f = x0^2 x1 + sin(x1)", async () => {
    const g = new GraphBuilder("hessian");
    const x = g.input("x", [2]);
    const at = (i: number): GraphValue => g.slice(x, { starts: [i], ends: [i + 1] });
    g.output("f", g.add(g.mul(g.square(at(0)), at(1)), g.sin(at(1))));
    const first = vjp(g.build().graph, { wrt: ["x"], cotangents: "ones", keep: [] }).graph;
    const second = vjp(first, { wrt: ["x"], outputs: ["grad:x"], keep: [] });
    const column = async (...direction: number[]): Promise<number[]> =>
      values(
        (await runGraph(second.graph, { x: vector(1.5, 0.7), "cotangent:grad:x": vector(...direction) }))["grad:x_1"],
      );
    expectAllClose(await column(1, 0), [1.4, 3], { absolute: 1e-6 });
    expectAllClose(await column(0, 1), [3, -Math.sin(0.7)], { absolute: 1e-6 });
  });

  test("gives third derivatives", async () => {
    let graph = functionOf((g, x) => g.tanh(x));
    for (let order = 1; order <= 3; order++) {
      const next = vjp(graph, { wrt: ["x"], cotangents: "ones", keep: [] });
      graph = next.graph;
    }
    const x = 0.4;
    const t = Math.tanh(x);
    const name = graph.outputs[0]!;
    expectAllClose(values((await runGraph(graph, { x: vector(x) }))[name]), [(1 - t * t) * (6 * t * t - 2)], {
      absolute: 1e-6,
    });
  });

  test("gives parameter gradients of an input gradient, as a penalty on it needs", async () => {
    const g = new GraphBuilder("penalty");
    const x = g.input("x", ["N", 2]);
    const hidden = silu(g, layerNorm(g, linear(g, x, { name: "first", out: 4 }), { name: "norm" }));
    g.output("y", linear(g, hidden, { name: "head", out: 1 }));
    const { graph, parameters } = g.build();
    const inner = vjp(graph, { wrt: ["x"], cotangents: "ones", keep: [] }).graph;
    const penalty = new GraphBuilder(inner);
    penalty.output("penalty", penalty.reduceMean(penalty.square(penalty.value("grad:x"))));
    const feeds: Record<string, TestTensor> = { x: floats([3, 2], -2, 2) };
    parameters.forEach(({ name, shape }, i) => {
      feeds[name] = floats(shape, -0.8, 0.8, 10 + i);
    });
    await checkGradients({ ...penalty.build().graph, outputs: ["penalty"] }, feeds, { order: 1, stepSize: 0.02 });
  });
});

describe("random compositions agree with finite differences", () => {
  const steps: Record<string, (g: GraphBuilder, a: GraphValue, b: GraphValue) => GraphValue> = {
    add: (g, a, b) => g.add(a, b),
    mul: (g, a, b) => g.mul(a, g.tanh(b)),
    div: (g, a, b) => g.div(a, g.add(g.square(b), 1)),
    silu: (g, a) => silu(g, a),
    gelu: (g, a) => gelu(g, a),
    softmax: (g, a) => g.softmax(a),
    centre: (g, a) => g.sub(a, g.reduceMean(a, { axes: [0], keepDims: true })),
    norm: (g, a, b) => g.div(a, g.sqrt(g.add(g.reduceSum(g.square(b), { axes: [1], keepDims: true }), 1))),
    swap: (g, a, b) =>
      g.concat(
        [g.slice(a, { starts: [1], ends: [3], axes: [1] }), g.slice(b, { starts: [0], ends: [1], axes: [1] })],
        1,
      ),
    product: (g, a, b) => g.matMul(a, g.softmax(g.gemm(b, b, { transA: true, alpha: 0.3 }))),
  };

  test("up to six operators, first and second derivatives, symbolic batch", async () => {
    const plan = fc.array(
      fc.record({ step: fc.constantFrom(...Object.keys(steps)), a: fc.nat({ max: 9 }), b: fc.nat({ max: 9 }) }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(plan, async (chosen) => {
        const g = new GraphBuilder("composition");
        const made = [g.input("x", ["N", 3]), g.input("y", ["N", 3])];
        for (const { step, a, b } of chosen) {
          made.push(steps[step]!(g, made[a % made.length]!, made[b % made.length]!));
        }
        g.output("z", made[made.length - 1]!);
        const feeds = {
          x: { shape: [2, 3], data: pseudoRandom(3, 6) },
          y: { shape: [2, 3], data: pseudoRandom(4, 6) },
        };
        await checkGradients(g.build().graph, feeds, { tolerance: 2e-3 });
      }),
      { seed: 20260102, numRuns: 40 },
    );
  });
});
