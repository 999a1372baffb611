import { beforeAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { vjp } from "../../src/autodiff/index.js";
import { GraphBuilder, type MlpConfig, mlp, sinusoidalTimeEmbedding } from "../../src/builder/index.js";
import { runGraph, type TestTensor } from "../ops/run-graph.js";

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Case {
  readonly name: string;
  readonly config: Record<string, number>;
  readonly parameters: Record<string, Stored>;
  readonly x: Stored;
  readonly t: Stored;
  readonly expected: {
    readonly f32: {
      readonly time_embedding: Stored;
      readonly output: Stored;
      readonly grad_x_of_sum: Stored;
      readonly grad_params_of_mean_square: Record<string, Stored>;
    };
  };
}

interface ShapesCase {
  readonly shapes: Record<string, readonly number[]>;
  readonly count: number;
}

const tensor = ({ shape, data }: Stored): TestTensor => ({ shape, data: Float32Array.from(data) });
const tensors = (stored: Record<string, Stored>): Record<string, TestTensor> =>
  Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, tensor(value)]));

function expectTensor(actual: TestTensor | undefined, expected: Stored, absolute = 2e-5): void {
  expect(actual?.shape).toEqual(expected.shape);
  expectAllClose(actual!.data as Float32Array, expected.data, { relative: 2e-5, absolute });
}

function configOf({ config }: Case): MlpConfig {
  const names: Record<string, string> = {
    in_dim: "inDim",
    out_dim: "outDim",
    time_dim: "timeDim",
    cond_dim: "condDim",
    window_size: "windowSize",
    t_mult: "timeMultiplier",
  };
  const renamed = Object.entries(config).map(([name, value]) => [names[name] ?? name, value]);
  return Object.fromEntries(renamed) as unknown as MlpConfig;
}

/** The MLP of the Python reference (`reference/mlp`, float32 runs): relative 2e-5 + absolute 2e-5, the embedding absolute 2e-4. */
describe("the golden mlp", () => {
  let cases: Case[];
  let shapes: ShapesCase;
  beforeAll(async () => {
    const all = (await loadFixture<{ cases: (Case | ShapesCase)[] }>("packages/nn/test/fixtures/mlp.json.gz")).cases;
    cases = all.filter((entry): entry is Case => "config" in entry);
    shapes = all.find((entry): entry is ShapesCase => "shapes" in entry)!;
    expect(cases.length).toBe(2);
  });

  test("has PyTorch's parameter names, shapes and order", () => {
    for (const entry of cases) {
      const declared = mlp(configOf(entry)).parameters;
      const expected = Object.entries(entry.parameters).map(([name, { shape }]) => [name, shape]);
      expect(declared.map(({ name, shape }) => [name, shape])).toEqual(expected);
    }
  });

  test("has the default sizes of the reference, and a head that starts at zero", () => {
    const { parameters } = mlp({ inDim: 1 });
    expect(Object.fromEntries(parameters.map(({ name, shape }) => [name, shape]))).toEqual(shapes.shapes);
    const count = parameters.reduce((sum, { shape }) => sum + shape.reduce((product, axis) => product * axis, 1), 0);
    expect(count).toBe(shapes.count);
    const starts = Object.fromEntries(parameters.map(({ name, initialization }) => [name, initialization]));
    expect(starts["head.weight"]).toEqual({ kind: "constant", value: 0 });
    expect(starts["head.bias"]).toEqual({ kind: "constant", value: 0 });
    expect(starts["blocks.0.norm.weight"]).toEqual({ kind: "constant", value: 1 });
    expect(starts["blocks.1.linear.bias"]).toEqual({ kind: "uniform", low: -1 / 16, high: 1 / 16 });
  });

  test("gives the reference's time embedding", async () => {
    for (const entry of cases) {
      const { timeDim, condDim, ...config } = configOf(entry);
      const g = new GraphBuilder("embedding");
      const t = g.input("t", ["N"]);
      g.output(
        "embedding",
        sinusoidalTimeEmbedding(g, t, { ...config, name: "time_embed", dim: timeDim!, out: condDim! }),
      );
      const result = await runGraph(g.build().graph, { ...tensors(entry.parameters), t: tensor(entry.t) });
      expectTensor(result.embedding, entry.expected.f32.time_embedding, 2e-4);
    }
  });

  test("gives the reference's output and the gradient of its sum with respect to x", async () => {
    for (const entry of cases) {
      const { graph } = mlp(configOf(entry));
      const derivative = vjp(graph, { wrt: ["x"], cotangents: "ones" }).graph;
      const result = await runGraph(derivative, {
        ...tensors(entry.parameters),
        x: tensor(entry.x),
        t: tensor(entry.t),
      });
      expectTensor(result.output, entry.expected.f32.output);
      expectTensor(result["grad:x"], entry.expected.f32.grad_x_of_sum);
    }
  });

  test("gives the reference's parameter gradients of the mean square", async () => {
    for (const entry of cases) {
      const g = new GraphBuilder(mlp(configOf(entry)).graph);
      g.output("loss", g.reduceMean(g.square(g.value("output"))));
      const wrt = Object.keys(entry.parameters);
      const { graph } = vjp(g.build().graph, { outputs: ["loss"], wrt, cotangents: "ones", keep: [] });
      const result = await runGraph(graph, { ...tensors(entry.parameters), x: tensor(entry.x), t: tensor(entry.t) });
      expect(Object.keys(result).length).toBe(wrt.length);
      for (const [name, expected] of Object.entries(entry.expected.f32.grad_params_of_mean_square)) {
        expectTensor(result[`grad:${name}`], expected);
      }
    }
  });
});
