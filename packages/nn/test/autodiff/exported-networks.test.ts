import { beforeAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture, loadFixtureBytes } from "../../../../tooling/test/fixtures.js";
import { vjp } from "../../src/autodiff/index.js";
import { type Graph, parameterValues, thaw } from "../../src/ir/index.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { runGraph, type TestTensor } from "../ops/run-graph.js";

interface Stored {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int64";
  readonly base64: string;
}

interface Golden {
  readonly inputs: Record<string, Stored>;
  readonly outputs: Record<string, Stored>;
  readonly cotangents: Record<string, Stored>;
  readonly input_gradients: Record<string, Stored>;
  readonly parameter_gradients: Record<string, Stored>;
}

function decode({ shape, dtype, base64 }: Stored): TestTensor {
  const { buffer } = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return { shape, data: dtype === "int64" ? new BigInt64Array(buffer) : new Float32Array(buffer) };
}

const decodeAll = (stored: Record<string, Stored>): Record<string, TestTensor> =>
  Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, decode(value)]));

/**
 * Gradients that are 0 but for rounding: a key's bias adds one number to all scores of a query, which softmax does not see.
 * PyTorch's own numbers are below 2e-7 there, in networks whose gradients go up to 30 and more.
 */
const zeroGradients = new Set(["at.k.bias", "a.k.bias"]);

/** Each entry within 2e-4 of the largest entry, the tolerance that the files name. */
function expectGradient(actual: TestTensor | undefined, expected: TestTensor, name: string): void {
  const target = expected.data as Float32Array;
  expect(actual?.shape, name).toEqual(expected.shape);
  const largest = target.reduce((m, value) => Math.max(m, Math.abs(value)), 0);
  if (zeroGradients.has(name)) {
    expectAllClose(actual!.data as Float32Array, new Float32Array(target.length), { absolute: 1e-6 });
    return;
  }
  expectAllClose(actual!.data as Float32Array, target, { absolute: 2e-4 * largest });
}

/**
 * Networks exported by PyTorch 1.13 at operator set 16, with gradients by torch autograd: a time-conditioned MLP, a message-passing
 * network over 12 edges, a causal text encoder of two blocks, a convolutional value network, a U-Net with attention and group
 * normalisation (its batch a symbol, and a number), and the decoder of an autoencoder.
 */
const networks = ["mlp_film", "gnn", "text_encoder", "cnn_value", "mini_unet", "mini_unet_static", "vae_decoder"];

describe.each(networks)("the golden %s", (network) => {
  let golden: Golden;
  let graph: Graph;
  beforeAll(async () => {
    golden = await loadFixture<Golden>(`packages/nn/test/fixtures/${network}.json.gz`);
    graph = parseOnnx(await loadFixtureBytes(`packages/nn/test/fixtures/${network}.onnx.gz`));
  });

  test("gives PyTorch's outputs", async () => {
    const results = await runGraph(graph, decodeAll(golden.inputs));
    for (const [name, stored] of Object.entries(golden.outputs)) {
      expect(results[name]!.shape).toEqual(stored.shape);
      expectAllClose(results[name]!.data as Float32Array, decode(stored).data as Float32Array, { absolute: 1e-5 });
    }
  });

  test("gives PyTorch's input and parameter gradients", async () => {
    const parameters = Object.keys(golden.parameter_gradients);
    const values = parameterValues(graph);
    const expected = decodeAll({ ...golden.input_gradients, ...golden.parameter_gradients });
    const derivative = vjp(thaw(graph, parameters), { wrt: Object.keys(expected), keep: [] });
    const feeds = decodeAll(golden.inputs);
    for (const name of parameters) {
      feeds[name] = values.get(name) as TestTensor;
    }
    for (const [output, input] of derivative.cotangents) {
      feeds[input] = decode(golden.cotangents[output]!);
    }
    const results = await runGraph(derivative.graph, feeds);
    expect(Object.keys(expected).length).toBeGreaterThan(10);
    for (const [name, target] of Object.entries(expected)) {
      expectGradient(results[derivative.gradients.get(name)!], target, name);
    }
  });
});

test("the exporter's shape arithmetic is folded and the batch stays symbolic", async () => {
  const graph = parseOnnx(await loadFixtureBytes("packages/nn/test/fixtures/mlp_film.onnx.gz"));
  expect(graph.inputs).toEqual([
    { name: "x", type: "float32", shape: ["N", 2] },
    { name: "t", type: "float32", shape: ["N"] },
  ]);
  expect(graph.valueInfo.get("out0")).toEqual({ type: "float32", shape: ["N", 2] });
  expect(graph.valueInfo.get("/b1/Slice_1_output_0")?.shape).toEqual(["N", 40]);
});
