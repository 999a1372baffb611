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
  attention: ["script17", "script20", "dynamo18", "dynamo20"],
  message_passing: ["script17", "script20", "dynamo18", "dynamo20"],
};

/**
 * The bias of a key, or of the score of an edge, adds one number to all scores of a query, which softmax does not see: its
 * gradient is 0 but for rounding.
 */
const isZero = (name: string): boolean => /(to_k|k_proj|score)\.bias$/.test(name);

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

    test("gives PyTorch's gradients of all inputs and parameters", async () => {
      const { parameters } = fixture.exports[key]!;
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
      const sources = new Set([...inputs, ...Object.values(parameters).map(([source]) => source)]);
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
        const limit = isZero(source) ? { absolute: 1e-6 } : { absolute: 2e-4 * largestOf(expected) };
        try {
          expectAllClose(actual.data as Float32Array, expected.data as Float32Array, limit);
        } catch (error) {
          throw new Error(`The gradient of ${source}: ${(error as Error).message}`);
        }
      }
    });
  });
});
