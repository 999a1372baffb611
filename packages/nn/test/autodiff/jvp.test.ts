import { ArgumentError, IncompatibleError } from "@diffusiongym/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { jvp, vjp } from "../../src/autodiff/index.js";
import { GraphBuilder, type GraphValue, layerNorm, linear, silu, valueMlp } from "../../src/builder/index.js";
import { type Graph, typeOf } from "../../src/ir/index.js";
import { opNames, ops } from "../../src/ops/index.js";
import { floats, type OpCase, opCases } from "../ops/cases.js";
import { pseudoRandom, runGraph, type TestTensor } from "../ops/run-graph.js";
import { convolutionStack, feedsOf, transformerStack } from "./stacks.js";

type Feeds = Readonly<Record<string, TestTensor>>;

const dot = (a: TestTensor, b: TestTensor): number =>
  (a.data as Float32Array).reduce((sum, value, i) => sum + value * (b.data as Float32Array)[i]!, 0);

const like = (tensor: TestTensor, seed: number): TestTensor => ({
  shape: tensor.shape,
  data: pseudoRandom(seed, tensor.data.length),
});

/** J v for random v, with v and the outputs. */
async function derivativeOf(graph: Graph, feeds: Feeds, wrt: readonly string[]) {
  const forward = jvp(graph, { wrt });
  const directions = new Map(wrt.map((name, i) => [name, like(feeds[name]!, 31 + i)]));
  const inputs: Record<string, TestTensor> = { ...feeds };
  for (const [name, tangent] of forward.tangents) {
    inputs[tangent] = directions.get(name)!;
  }
  expect(forward.graph.inputs.map(({ name }) => name)).toEqual([
    ...graph.inputs.map(({ name }) => name),
    ...forward.tangents.values(),
  ]);
  return { forward, directions, results: await runGraph(forward.graph, inputs) };
}

/** <u, J v> = <J^T u, v>, for random u and v, the right side by `vjp`. */
async function expectAdjoint(graph: Graph, feeds: Feeds): Promise<void> {
  const wrt = graph.inputs.filter(({ type }) => type === "float32").map(({ name }) => name);
  const { forward, directions, results } = await derivativeOf(graph, feeds, wrt);
  const backward = vjp(graph, { wrt, keep: [] });
  const inputs: Record<string, TestTensor> = { ...feeds };
  let [left, size] = [0, 1];
  for (const [output, cotangent] of backward.cotangents) {
    inputs[cotangent] = like(results[output]!, 77);
    const derivative = results[forward.derivatives.get(output)!]!;
    expect(derivative.shape).toEqual(results[output]!.shape);
    left += dot(inputs[cotangent]!, derivative);
    size += Math.sqrt(dot(derivative, derivative) * derivative.data.length);
  }
  const gradients = await runGraph(backward.graph, inputs);
  const right = wrt.reduce(
    (sum, name) => sum + dot(gradients[backward.gradients.get(name)!]!, directions.get(name)!),
    0,
  );
  expect(Math.abs(left - right)).toBeLessThan(2e-5 * size);
}

function buildCase(op: string, { inputs, build }: OpCase, symbolic: boolean): Graph {
  const g = new GraphBuilder(op);
  const values: Record<string, GraphValue> = {};
  for (const [name, { shape, data }] of Object.entries(inputs)) {
    const type = data instanceof Float32Array ? "float32" : data instanceof BigInt64Array ? "int64" : "bool";
    values[name] = g.input(name, symbolic ? shape.map((_, axis) => `${name}${axis}`) : shape, type);
  }
  const built = build(g, values);
  ("name" in built ? [built] : built).forEach((value, i) => {
    g.output(`y${i}`, value);
  });
  return g.build().graph;
}

describe("the Jacobian-vector product of every operator is the transpose of its vector-Jacobian product", () => {
  for (const op of opNames) {
    const cases = opCases[op];
    if (ops[op].gradient !== "none") {
      test(op, async () => {
        for (const entry of cases.filter(({ order = 2 }) => order > 1)) {
          await expectAdjoint(buildCase(op, entry, false), entry.inputs);
          if ((entry.dynamic ?? true) === true && entry.fixed === undefined) {
            await expectAdjoint(buildCase(op, entry, true), entry.inputs);
          }
        }
      });
    }
  }
});

test("of whole networks, with every parameter moving", async () => {
  for (const make of [convolutionStack, transformerStack]) {
    const definition = make({ depth: 2, width: 4, batch: "N" });
    await expectAdjoint(definition.graph, feedsOf(definition, 3));
  }
});

test("random compositions agree with finite differences", async () => {
  const steps: Record<string, (g: GraphBuilder, a: GraphValue, b: GraphValue) => GraphValue> = {
    add: (g, a, b) => g.add(a, b),
    mul: (g, a, b) => g.mul(a, g.tanh(b)),
    div: (g, a, b) => g.div(a, g.add(g.square(b), 1)),
    silu: (g, a) => silu(g, a),
    softmax: (g, a) => g.softmax(a),
    centre: (g, a) => g.sub(a, g.reduceMean(a, { axes: [0], keepDims: true })),
    product: (g, a, b) => g.matMul(a, g.softmax(g.gemm(b, b, { transA: true, alpha: 0.3 }))),
  };
  const plan = fc.array(
    fc.record({ step: fc.constantFrom(...Object.keys(steps)), a: fc.nat({ max: 9 }), b: fc.nat({ max: 9 }) }),
    { minLength: 1, maxLength: 7 },
  );
  await fc.assert(
    fc.asyncProperty(plan, async (chosen) => {
      const g = new GraphBuilder("composition");
      const made = [g.input("x", ["N", 3]), g.input("y", ["N", 3])];
      for (const { step, a, b } of chosen) {
        made.push(steps[step]!(g, made[a % made.length]!, made[b % made.length]!));
      }
      g.output("z", made.at(-1)!);
      const { graph } = g.build();
      const feeds: Feeds = { x: floats([2, 3], -1, 1, 3), y: floats([2, 3], -1, 1, 4) };
      const { forward, directions, results } = await derivativeOf(graph, feeds, ["x", "y"]);
      const at = async (step: number): Promise<Float32Array> => {
        const moved = Object.entries(feeds).map(([name, { shape, data }]) => {
          const direction = directions.get(name)!.data as Float32Array;
          return [name, { shape, data: (data as Float32Array).map((value, i) => value + step * direction[i]!) }];
        });
        return (await runGraph(graph, Object.fromEntries(moved))).z!.data as Float32Array;
      };
      const h = 0.04;
      const [up, down, farUp, farDown] = [await at(h), await at(-h), await at(2 * h), await at(-2 * h)];
      const expected = up.map((_, i) => (8 * (up[i]! - down[i]!) - (farUp[i]! - farDown[i]!)) / (12 * h));
      const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
      expectAllClose(results[forward.derivatives.get("z")!]!.data as Float32Array, expected, {
        absolute: 2e-3 * scale,
      });
    }),
    { seed: 7, numRuns: 25 },
  );
});

describe("the graph", () => {
  test("names tangents and derivatives, and keeps what is asked for", async () => {
    const g = new GraphBuilder("square");
    g.output("y", g.square(g.input("x", ["N"])));
    const { graph } = g.build();
    const full = jvp(graph, { wrt: ["x"] });
    expect(full.graph.outputs).toEqual(["y", "jvp:y"]);
    expect([...full.tangents]).toEqual([["x", "tangent:x"]]);
    expect([...full.derivatives]).toEqual([["y", "jvp:y"]]);
    const vector = (...data: number[]): TestTensor => ({ shape: [data.length], data: Float32Array.from(data) });
    const result = await runGraph(full.graph, { x: vector(1, 2), "tangent:x": vector(1, 10) });
    expect([...(result["jvp:y"]!.data as Float32Array)]).toEqual([2, 40]);
    expect(jvp(graph, { wrt: ["x"], keep: [] }).graph.outputs).toEqual(["jvp:y"]);
    // And of the derivative again: the second derivative along one direction.
    const second = jvp(full.graph, { wrt: ["x"], outputs: ["jvp:y"], keep: [] });
    expect([...second.tangents.values(), ...second.derivatives.values()]).toEqual(["tangent:x_1", "jvp:jvp:y"]);
    const curvature = await runGraph(second.graph, {
      x: vector(5, 5),
      "tangent:x": vector(1, 3),
      "tangent:x_1": vector(1, 3),
    });
    expect([...(curvature["jvp:jvp:y"]!.data as Float32Array)]).toEqual([2, 18]);
  });

  test("holds a forward pass and its linearisation, and no backward pass", () => {
    const { graph } = valueMlp({ inDim: 2 });
    const count = (of: Graph, op: string): number => of.nodes.filter((node) => node.op === op).length;
    const { graph: forward } = jvp(graph, { wrt: ["x"] });
    expect(count(forward, "Gemm")).toBe(2 * count(graph, "Gemm"));
    expect(count(forward, "Sigmoid")).toBe(count(graph, "Sigmoid"));
    expect(count(forward, "Transpose")).toBe(0);
    expect(count(forward, "ReduceSum")).toBe(0);
  });

  test("gives zeros where nothing moves", async () => {
    const g = new GraphBuilder("still");
    const [x, y] = [g.input("x", ["N", 2]), g.input("y", ["N"])];
    g.output("moves", g.exp(x));
    g.output("stays", g.sin(y));
    g.output("steps", g.sign(x));
    const { graph } = jvp(g.build().graph, { wrt: ["x"], keep: [] });
    const feeds = { x: floats([3, 2]), y: floats([3]), "tangent:x": floats([3, 2], 1, 2) };
    const results = await runGraph(graph, feeds);
    expect(results["jvp:stays"]).toEqual({ shape: [3], data: new Float32Array(3) });
    expect(results["jvp:steps"]).toEqual({ shape: [3, 2], data: new Float32Array(6) });
  });

  test("has types for its new values", () => {
    const g = new GraphBuilder("typed");
    const h = layerNorm(g, linear(g, g.input("x", ["N", 3]), { name: "l", out: 2 }), { name: "n" });
    g.output("y", h);
    const { graph } = jvp(g.build().graph, { wrt: ["x"] });
    expect(typeOf(graph, "jvp:y")).toMatchObject({ type: "float32", shape: ["N", 2] });
  });

  test("refuses what vjp refuses", () => {
    const g = new GraphBuilder("rows");
    g.output("y", g.gather(g.input("table", [5, 2]), g.input("label", ["N"], "int64"), 0));
    const { graph } = g.build();
    expect(() => jvp(graph, { wrt: ["label"] })).toThrow(ArgumentError);
    expect(() => jvp(graph, { wrt: ["tables"] })).toThrow(/did you mean "table"/);
    const h = new GraphBuilder("convolution");
    h.output("y", h.emit("Conv", [h.input("x", [1, 1, 5]), h.input("kernel", [1, 1, "K"])])[0]!);
    expect(() => jvp(h.build().graph, { wrt: ["x"] })).toThrow(IncompatibleError);
  });
});
