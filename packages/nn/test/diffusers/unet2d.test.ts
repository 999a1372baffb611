import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { unet2d } from "../../src/builder/index.js";
import { loadUnet2d, readUnet2dConfig } from "../../src/diffusers/index.js";
import type { Network } from "../../src/network/index.js";
import { type CheckpointCase, loadCheckpointCase } from "./unet2d-fixture.js";

const largestOf = (data: Float32Array): number => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe.each(["diffusers-narrow", "diffusers-options", "diffusers-others"])("the checkpoint %s", (name) => {
  let checkpoint: CheckpointCase;
  let network: Network;
  beforeAll(async () => {
    checkpoint = await loadCheckpointCase(name);
    network = loadUnet2d({ config: checkpoint.config, weights: checkpoint.weights });
  });
  afterAll(() => network?.dispose());

  test("gives diffusers' own output", async () => {
    const { output } = await network.run(checkpoint.inputs);
    expect(output!.shape).toEqual(checkpoint.output.shape);
    expectAllClose(output!.data as Float32Array, checkpoint.output.data, { absolute: 1e-5 });
  });

  test("gives torch's gradients of the input and of every parameter", async () => {
    const wrt = ["x", ...network.parameters.names];
    const { gradients } = await network.vjp(checkpoint.inputs, { output: checkpoint.cotangent }, { wrt });
    const fixed = checkpoint.config.time_embedding_type === "fourier" ? ["time_proj.weight"] : [];
    const names = [...checkpoint.parameterGradients.keys()].filter((key) => !fixed.includes(key));
    expect([...network.parameters.names].sort()).toEqual(names.sort());
    const expected = [["x", checkpoint.inputGradient] as const, ...checkpoint.parameterGradients];
    const largest = Math.max(...expected.map(([, { data }]) => largestOf(data)));
    for (const [key, { data, shape }] of expected.filter(([key]) => !fixed.includes(key))) {
      expect(gradients[key]!.shape, key).toEqual(shape);
      // A bias of keys adds the same to all scores of a query: in truth its gradient is zero, in both runs rounding.
      const isZero = key.endsWith("to_k.bias");
      const [target, of] = isZero ? [new Float32Array(data.length), largest * 1e-3] : [data, largestOf(data)];
      expectAllClose(gradients[key]!.data, target, { absolute: 2e-4 * of });
    }
  });
});

test("the CIFAR-10 configuration has diffusers' parameters", async () => {
  const { config, ...expected } = await loadFixture<{
    readonly config: object;
    readonly parameters: number;
    readonly tensors: number;
    readonly sha256OfSortedNamesAndShapes: string;
  }>("packages/nn/test/fixtures/diffusers-cifar.json");
  const { parameters } = unet2d(readUnet2dConfig(config));
  const lines = parameters.map(({ name, shape }) => `${name} [${shape.join(", ")}]\n`);
  const listing = new TextEncoder().encode(lines.sort().join(""));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", listing));
  expect(parameters).toHaveLength(expected.tensors);
  expect(parameters.reduce((sum, { shape }) => sum + shape.reduce((size, length) => size * length, 1), 0)).toBe(
    expected.parameters,
  );
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  expect(hex).toBe(expected.sha256OfSortedNamesAndShapes);
});
