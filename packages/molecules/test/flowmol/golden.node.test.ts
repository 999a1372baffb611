import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { RandomKey, Tensor } from "@diffusiongym/core";
import { Network, Parameters, readSafetensors } from "@diffusiongym/nn";
import { describe, expect, test } from "vitest";
import type { FlowMolConfiguration } from "../../src/flowmol/index.js";
import { flowMolGeomConfiguration, flowMolNetwork, flowMolQm9Configuration } from "../../src/flowmol/index.js";
import { structureInputs } from "../../src/flowmol/structure-inputs.js";
import { featureNames, graphStructure } from "../../src/graph/index.js";

interface Described {
  readonly configuration: FlowMolConfiguration;
  readonly atomCounts: readonly number[];
  readonly parameterCounts: { readonly qm9: number; readonly geom: number };
}

function fixture(name: string, suffix: string): Uint8Array {
  return gunzipSync(readFileSync(new URL(`../fixtures/flowmol-${name}.${suffix}.gz`, import.meta.url)));
}

function golden(name: string) {
  const described = JSON.parse(Buffer.from(fixture(name, "json")).toString()) as Described;
  const { tensors } = readSafetensors(fixture(name, "safetensors"));
  const under = (prefix: string): Map<string, Tensor<Float32Array>> =>
    new Map(
      Array.from(tensors).flatMap(([key, { data, shape }]) =>
        key.startsWith(`${prefix}.`)
          ? [[key.slice(prefix.length + 1), new Tensor(data as Float32Array, shape)] as const]
          : [],
      ),
    );
  return { described, under };
}

/** Largest difference, over the root mean square of the truth or, where that is less, over `least`. */
function relativeError(value: Tensor, truth: Tensor, least = 0): number {
  expect(value.shape).toEqual(truth.shape);
  const scale = Math.max(rootMeanSquare(truth), least);
  return (
    Array.from(truth.data).reduce((worst, entry, i) => Math.max(worst, Math.abs(entry - value.data[i]!)), 0) /
    (scale || 1)
  );
}

function rootMeanSquare({ data }: Tensor): number {
  return Math.sqrt(Array.from(data).reduce((sum, entry) => sum + entry * entry, 0) / Math.max(data.length, 1));
}

describe.each(["narrow", "wide"])("FlowMol in the builder and in torch: %s", (name) => {
  const { described, under } = golden(name);
  const definition = flowMolNetwork(described.configuration);
  const ordered = under("parameter");
  const parameters = Parameters.from(definition.parameters.map(({ name }) => [name, ordered.get(name)!] as const));
  const network = new Network(definition.graph, parameters);
  const inputs = Object.fromEntries(under("input"));
  const feeds = { ...inputs, ...structureInputs(graphStructure(described.atomCounts)) };

  test("has the parameters of the module, by name and shape", () => {
    const own = definition.parameters.map(({ name, shape }) => [name, [...shape]]);
    const theirs = Array.from(ordered, ([name, { shape }]) => [name, [...shape]]);
    expect(own.sort()).toEqual(theirs.sort());
  });

  test("gives its outputs to 1e-5", async () => {
    const outputs = await network.run(feeds);
    for (const [part, truth] of under("output")) {
      expect(relativeError(outputs[`endpoint.${part}`]!, truth), part).toBeLessThan(1e-5);
    }
  });

  test("gives its gradients to 2e-4, for all parameters and inputs", async () => {
    const cotangents = Object.fromEntries(Array.from(under("cotangent"), ([part, v]) => [`endpoint.${part}`, v]));
    const wrt = [...featureNames, "t", ...parameters.names];
    const { gradients } = await network.vjp(feeds, cotangents, { wrt });
    // Cross products of parallel vectors, all that the first message has, are zero: their gradient is rounding alone.
    const least = 1e-4 * Math.max(...Array.from(under("gradient").values(), rootMeanSquare));
    for (const [part, truth] of [...under("inputGradient"), ...under("gradient")]) {
      expect(relativeError(gradients[part]!, truth, least), part).toBeLessThan(2e-4);
    }
  });

  test("keeps its names and numbers as an .onnx file", async () => {
    const again = Network.load(network.save());
    const [a, b] = [await network.run(feeds), await again.run(feeds)];
    for (const output of network.outputs) {
      expect(relativeError(b[output]!, a[output]!), output).toBeLessThan(1e-6);
    }
  });
});

test("the full configurations have as many parameters as the published models", () => {
  const { parameterCounts } = golden("narrow").described;
  const count = (configuration: FlowMolConfiguration): number =>
    new Parameters(flowMolNetwork(configuration).parameters).size;
  expect(parameterCounts).toEqual({ qm9: 6_704_640, geom: 4_257_819 });
  expect(count(flowMolQm9Configuration)).toBe(6_704_640);
  expect(count(flowMolGeomConfiguration)).toBe(4_257_819);
});

test("starts as the module does: uniform within one over the root of the inputs", () => {
  const configuration = golden("narrow").described.configuration;
  const network = Network.initialize(flowMolNetwork(configuration), RandomKey.fromSeed(3));
  const weight = network.parameters.get("conv_layers.0.edge_message.0.to_feats_out.0.weight");
  const bound = 1 / Math.sqrt(weight.shape[1]!);
  const largest = weight.data.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
  expect(largest).toBeLessThanOrEqual(bound);
  expect(largest).toBeGreaterThan(0.95 * bound);
});
