import { beforeAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { vjp } from "../../src/autodiff/index.js";
import { type Graph, parameterValues, thaw } from "../../src/ir/index.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { runGraph, type TestTensor } from "../ops/run-graph.js";
import {
  decodeAll,
  decodeExact,
  decodeRounded,
  type ExportedFixture,
  first,
  largestOf,
  loadExport,
  loadExported,
  transposed,
} from "./fixture.js";

/**
 * Narrow networks of diffusers and transformers with random weights, a block of a vision transformer and a message-passing
 * network, exported by the two exporters of PyTorch 2.9 at several operator sets, with gradients by torch's autograd:
 * `tooling/fixtures/exported_networks.py`.
 */
const networks: Readonly<Record<string, readonly string[]>> = {
  unet2d: ["script17", "dynamo18"],
  unet2d_condition: ["script17", "dynamo18"],
  autoencoder_decoder: ["script17", "dynamo18"],
  clip_text: ["script17", "dynamo18"],
  clip_vision: ["script17", "dynamo18"],
  dit: ["script17", "script20", "dynamo18", "dynamo20"],
  autoencoder_encoder: ["script17", "dynamo18"],
  sd3: ["dynamo18"],
  t5_encoder: ["script17"],
  llama: ["dynamo18"],
  swin: ["script17"],
  attention: ["script17", "script20", "dynamo18", "dynamo20"],
  message_passing: ["script17", "script20", "dynamo18", "dynamo20"],
};

/**
 * The bias of a key, or of the score of an edge, adds one number to all scores of a query, which softmax does not see: its
 * gradient is 0 but for rounding, PyTorch's own numbers being below this.
 */
const rounding = 1e-6;

describe.each(Object.keys(networks))("%s", (network) => {
  let fixture: ExportedFixture;
  beforeAll(async () => {
    fixture = await loadExported(network);
  });

  describe.each(networks[network]!)("as exported by %s", (key) => {
    let graph: Graph;
    beforeAll(async () => {
      graph = parseOnnx(await loadExport(network, key));
    });

    test("gives PyTorch's outputs", async () => {
      const results = await runGraph(graph, decodeAll(fixture.inputs));
      for (const [name, stored] of Object.entries(fixture.outputs)) {
        const expected = decodeExact(stored);
        expect(results[name]!.shape).toEqual(expected.shape);
        expectAllClose(results[name]!.data as Float32Array, expected.data as Float32Array, {
          absolute: 1e-5 * largestOf(expected),
        });
      }
    });

    // The graph network has no batch: its axes are nodes and edges of one graph.
    test.skipIf(network === "message_passing")("gives the same for a batch of one", async () => {
      const batched = graph.inputs.filter(({ shape }) => shape[0] === "N").map(({ name }) => name);
      expect(batched.length).toBeGreaterThan(0);
      const only = (tensors: Record<string, TestTensor>, names: readonly string[]): Record<string, TestTensor> =>
        Object.fromEntries(
          Object.entries(tensors).map(([name, tensor]) => [name, names.includes(name) ? first(tensor) : tensor]),
        );
      const wrt = batched.filter((name) => fixture.gradients[name]);
      const derivative = vjp(graph, { wrt });
      const cotangents = only(decodeAll(fixture.cotangents), graph.outputs);
      const feeds = only(decodeAll(fixture.inputs), batched);
      for (const [output, input] of derivative.cotangents) {
        feeds[input] = cotangents[output]!;
      }
      const results = await runGraph(derivative.graph, feeds);
      for (const name of graph.outputs) {
        const whole = decodeExact(fixture.outputs[name]!);
        const expected = first(whole);
        expect(results[name]!.shape).toEqual(expected.shape);
        const limit = { absolute: 1e-5 * largestOf(whole) };
        expectAllClose(results[name]!.data as Float32Array, expected.data as Float32Array, limit);
      }
      for (const name of wrt) {
        const expected = decodeRounded(fixture.gradients[name]!);
        const actual = results[derivative.gradients.get(name)!]!;
        const limit = { absolute: 2e-4 * largestOf(expected) };
        expectAllClose(actual.data as Float32Array, first(expected).data as Float32Array, limit);
      }
    });

    test("gives PyTorch's gradients of all inputs and parameters", async () => {
      const { parameters, folded } = fixture.exports[key]!;
      const wanted: Record<string, TestTensor> = {};
      for (const [name, [source, flipped]] of Object.entries(parameters)) {
        const gradient = fixture.gradients[source] && decodeRounded(fixture.gradients[source]);
        if (gradient) {
          wanted[name] = flipped ? transposed(gradient) : gradient;
        }
      }
      const inputs = Object.keys(fixture.inputs).filter((name) => fixture.gradients[name]);
      for (const name of inputs) {
        wanted[name] = decodeRounded(fixture.gradients[name]!);
      }
      const sources = new Set([...inputs, ...folded, ...Object.values(parameters).map(([source]) => source)]);
      expect([...sources].sort()).toEqual(Object.keys(fixture.gradients).sort());

      const values = parameterValues(graph);
      const trained = Object.keys(parameters).filter((name) => wanted[name]);
      const derivative = vjp(thaw(graph, trained), { wrt: Object.keys(wanted), keep: [] });
      const feeds = decodeAll(fixture.inputs);
      for (const name of trained) {
        feeds[name] = values.get(name) as TestTensor;
      }
      for (const [output, input] of derivative.cotangents) {
        feeds[input] = decodeExact(fixture.cotangents[output]!);
      }
      const results = await runGraph(derivative.graph, feeds);
      for (const [name, expected] of Object.entries(wanted)) {
        const source = parameters[name]?.[0] ?? name;
        const actual = results[derivative.gradients.get(name)!]!;
        const largest = largestOf(expected);
        const limit = { absolute: largest < rounding ? rounding : 2e-4 * largest };
        try {
          expectAllClose(actual.data as Float32Array, expected.data as Float32Array, limit);
        } catch (error) {
          throw new Error(`The gradient of ${source}: ${(error as Error).message}`);
        }
      }
    });
  });
});
