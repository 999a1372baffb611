import { Tensor } from "@diffusiongym/core";
import { expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture, loadFixtureBytes } from "../../../../tooling/test/fixtures.js";
import { Engine } from "../../src/engine/index.js";
import { Network } from "../../src/network/index.js";

type Stored = Readonly<Record<string, { readonly shape: readonly number[]; readonly base64: string }>>;

interface Golden {
  readonly inputs: Stored;
  readonly outputs: Stored;
  readonly cotangents: Stored;
  readonly input_gradients: Stored;
  readonly parameter_gradients: Stored;
}

const decode = (stored: Stored): Record<string, Tensor<Float32Array>> =>
  Object.fromEntries(
    Object.entries(stored).map(([name, { shape, base64 }]) => {
      const { buffer } = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      return [name, new Tensor(new Float32Array(buffer), shape)];
    }),
  );

// The network and the numbers are PyTorch 1.13's; tolerances are those that its file recommends.
test("a network exported by PyTorch runs and differentiates as it does there, trained or frozen", async () => {
  const fixtures = "packages/nn/test/fixtures/mlp_film";
  const golden = await loadFixture<Golden>(`${fixtures}.json.gz`);
  const engine = new Engine({ threads: 1 });
  const names = new Set(Object.keys(golden.parameter_gradients));
  const network = Network.load(await loadFixtureBytes(`${fixtures}.onnx.gz`), {
    engine,
    trainable: (name) => names.has(name),
  });
  expect(new Set(network.parameters.names)).toEqual(names);
  const [inputs, outputs, cotangents] = [decode(golden.inputs), decode(golden.outputs), decode(golden.cotangents)];
  const inputGradients = decode(golden.input_gradients);
  for (const each of [network, network.freeze()]) {
    const results = await each.run(inputs);
    for (const [name, { data }] of Object.entries(outputs)) {
      expectAllClose(results[name]!.data, data, { absolute: 1e-5 });
    }
    const { gradients } = await each.vjp(inputs, cotangents, { wrt: Object.keys(inputGradients) });
    expectGradients(gradients, inputGradients);
  }
  const into = network.gradients;
  await network.vjp(inputs, cotangents, { wrt: network.parameters.names, into });
  expectGradients(Object.fromEntries(into), decode(golden.parameter_gradients));
  await engine.dispose();
});

function expectGradients(
  actual: Readonly<Record<string, Tensor<Float32Array>>>,
  expected: Readonly<Record<string, Tensor<Float32Array>>>,
): void {
  for (const [name, { data, shape }] of Object.entries(expected)) {
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(actual[name]!.shape).toEqual(shape);
    expectAllClose(actual[name]!.data, data, { absolute: 2e-4 * largest });
  }
}
