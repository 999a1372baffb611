import { beforeAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture, loadFixtureBytes } from "../../../../tooling/test/fixtures.js";
import { vjp } from "../../src/autodiff/index.js";
import { type Graph, parameterValues, thaw } from "../../src/ir/index.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { runGraph, type TestTensor } from "../ops/run-graph.js";

interface Stored {
  readonly shape: readonly number[];
  readonly base64: string;
}

interface Golden {
  readonly inputs: Record<string, Stored>;
  readonly outputs: Record<string, Stored>;
  readonly cotangents: Record<string, Stored>;
  readonly input_gradients: Record<string, Stored>;
  readonly parameter_gradients: Record<string, Stored>;
}

const decode = ({ shape, base64 }: Stored): TestTensor => ({
  shape,
  data: new Float32Array(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer),
});

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((m, value) => Math.max(m, Math.abs(value)), 0);

/** Graph exported by PyTorch 1.13 (opset 16); gradients by torch autograd; 2e-4 of the largest entry is the tolerance of the file. */
describe("the golden mlp_film", () => {
  let golden: Golden;
  let graph: Graph;
  const feeds: Record<string, TestTensor> = {};

  beforeAll(async () => {
    golden = await loadFixture<Golden>("packages/nn/test/fixtures/mlp_film.json.gz");
    graph = parseOnnx(await loadFixtureBytes("packages/nn/test/fixtures/mlp_film.onnx.gz"));
    for (const [name, stored] of Object.entries(golden.inputs)) {
      feeds[name] = decode(stored);
    }
  });

  test("keeps the batch symbolic and folds the shape arithmetic of the exporter", () => {
    expect(graph.inputs).toEqual([
      { name: "x", type: "float32", shape: ["N", 2] },
      { name: "t", type: "float32", shape: ["N"] },
    ]);
    expect(graph.valueInfo.get("out0")).toEqual({ type: "float32", shape: ["N", 2] });
    expect(graph.valueInfo.get("/b1/Slice_1_output_0")?.shape).toEqual(["N", 40]);
  });

  test("gives PyTorch's outputs", async () => {
    const { out0 } = await runGraph(graph, feeds);
    expectAllClose(out0!.data as Float32Array, decode(golden.outputs.out0!).data as Float32Array, { absolute: 1e-5 });
  });

  test("gives PyTorch's input and parameter gradients", async () => {
    const names = Object.keys(golden.parameter_gradients);
    const values = parameterValues(graph);
    const {
      graph: derivative,
      gradients,
      cotangents,
    } = vjp(thaw(graph, names), { wrt: ["x", "t", ...names], keep: [] });
    const results = await runGraph(derivative, {
      ...feeds,
      ...Object.fromEntries(names.map((name) => [name, values.get(name) as TestTensor])),
      [cotangents.get("out0")!]: decode(golden.cotangents.out0!),
    });
    const expected = { ...golden.input_gradients, ...golden.parameter_gradients };
    expect(Object.keys(results).length).toBe(Object.keys(expected).length);
    for (const [name, stored] of Object.entries(expected)) {
      const target = decode(stored);
      const result = results[gradients.get(name)!]!;
      expect(result.shape, name).toEqual(target.shape);
      expectAllClose(result.data as Float32Array, target.data as Float32Array, {
        absolute: 2e-4 * largest(target.data as Float32Array),
      });
    }
  });
});
