import { Tensor } from "@diffusiongym/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { conv2d, GraphBuilder, linear, type NetworkDefinition, silu } from "../../src/builder/index.js";
import { Engine } from "../../src/engine/index.js";
import type { PeftConfig } from "../../src/lora/index.js";
import { Network } from "../../src/network/index.js";
import { Parameters } from "../../src/parameters/index.js";

interface Stored {
  readonly shape: readonly number[];
  readonly base64: string;
}

interface PeftCase {
  readonly weights: Record<string, Stored>;
  readonly adapter_model: string;
  readonly adapter_config: PeftConfig;
  readonly x: Stored;
  readonly plain: Stored;
  readonly adapted: Stored;
  readonly merged_weights: Record<string, Stored>;
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
const tensorOf = ({ shape, base64 }: Stored): Tensor<Float32Array> =>
  new Tensor(new Float32Array(bytesOf(base64).buffer), shape);

/** The modules of tooling/fixtures/lora_peft.py. */
const networks: Record<string, () => NetworkDefinition> = {
  dense: () => {
    const g = new GraphBuilder("dense");
    const first = silu(g, linear(g, g.input("x", ["N", 5]), { name: "blocks.0", out: 7 }));
    const second = silu(g, linear(g, first, { name: "blocks.1", out: 7, bias: false }));
    g.output("y", linear(g, second, { name: "head", out: 3 }));
    return g.build();
  },
  convolutional: () => {
    const g = new GraphBuilder("convolutional");
    const x = g.input("x", ["N", 3, 8, 8]);
    const first = silu(g, conv2d(g, x, { name: "first", out: 6, kernel: 3, stride: 2, padding: 1 }));
    const second = silu(g, conv2d(g, first, { name: "second", out: 4, kernel: 1 }));
    g.output("y", linear(g, g.reshape(second, [-1, 64]), { name: "head", out: 2 }));
    return g.build();
  },
};

const engine = new Engine({ threads: 1 });
afterAll(() => engine.dispose());

describe.each(Object.keys(networks))("adapters that PEFT stored: %s", (name) => {
  let golden: PeftCase;
  let network: Network;
  let adapted: Network;
  beforeAll(async () => {
    golden = (await loadFixture<Record<string, PeftCase>>("packages/nn/test/fixtures/lora_peft.json.gz"))[name]!;
    const { graph, parameters } = networks[name]!();
    const weights = parameters.map((declared) => [declared.name, tensorOf(golden.weights[declared.name]!)] as const);
    network = new Network(graph, Parameters.from(weights), { engine });
    adapted = network.withLora({ weights: bytesOf(golden.adapter_model), config: golden.adapter_config });
  });

  const expectOutput = async (actual: Network, expected: Stored): Promise<void> => {
    const { y } = await actual.run({ x: tensorOf(golden.x) });
    expectAllClose(y!.data as Float32Array, tensorOf(expected).data, { absolute: 1e-5, relative: 1e-5 });
  };

  test("give PyTorch's outputs", async () => {
    await expectOutput(network, golden.plain);
    await expectOutput(adapted, golden.adapted);
    expect(() =>
      expectAllClose(tensorOf(golden.plain).data, tensorOf(golden.adapted).data, { absolute: 0.01 }),
    ).toThrow();
  });

  test("merge into PEFT's weights", async () => {
    const merged = adapted.mergeLora();
    for (const [parameter, stored] of Object.entries(golden.merged_weights)) {
      expectAllClose(merged.parameters.get(parameter).data, tensorOf(stored).data, { absolute: 1e-6 });
    }
    await expectOutput(merged, golden.adapted);
  });

  test("are stored again with the same keys, shapes, numbers and settings", () => {
    const { weights, config } = adapted.saveLora();
    const [stored, own] = [
      Parameters.fromSafetensors(bytesOf(golden.adapter_model)),
      Parameters.fromSafetensors(weights),
    ];
    expect([...own.names].sort()).toEqual([...stored.names].sort());
    for (const [key, tensor] of stored) {
      expect(own.get(key)).toEqual(tensor);
    }
    const { r, lora_alpha, use_rslora, peft_type } = golden.adapter_config;
    expect(config).toMatchObject({ r, lora_alpha, use_rslora, peft_type });
    expect([...(config.target_modules as string[])].sort()).toEqual(
      [...(golden.adapter_config.target_modules as string[])].sort(),
    );
  });
});
