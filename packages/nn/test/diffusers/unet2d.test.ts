import { FormatError, IncompatibleError, ShapeError, Tensor } from "@diffusiongym/core";
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { type Unet2dConfig, unet2d } from "../../src/builder/index.js";
import { loadUnet2d, readUnet2dConfig, saveUnet2d } from "../../src/diffusers/index.js";
import { Engine } from "../../src/engine/index.js";
import { Network } from "../../src/network/index.js";
import { readSafetensors, type WritableTensor, writeSafetensors } from "../../src/safetensors/index.js";
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

describe("loading", () => {
  let narrow: CheckpointCase;
  let fourier: CheckpointCase;
  const engine = new Engine({ threads: 1 });
  beforeAll(async () => {
    narrow = await loadCheckpointCase("diffusers-others");
    fourier = await loadCheckpointCase("diffusers-options");
  });
  afterAll(() => engine.dispose());

  const rewritten = ({ weights }: CheckpointCase, change: (tensors: Map<string, WritableTensor>) => void) => {
    const entries = Array.from(readSafetensors(weights).tensors, ([name, { shape, data }]) => {
      return [name, { shape, data: data as Float32Array }] as const;
    });
    const tensors = new Map<string, WritableTensor>(entries);
    change(tensors);
    return writeSafetensors([...tensors]);
  };

  test("attention under its old names, from the text of config.json, gives the same parameters", () => {
    const old: Readonly<Record<string, string>> = {
      to_q: "query",
      to_k: "key",
      to_v: "value",
      "to_out.0": "proj_attn",
    };
    const weights = rewritten(narrow, (tensors) => {
      for (const [name, tensor] of [...tensors]) {
        const renamed = name.replace(/to_q|to_k|to_v|to_out\.0/, (part) => old[part]!);
        tensors.delete(name);
        tensors.set(renamed, tensor);
      }
      expect([...tensors.keys()].filter((name) => name.endsWith("proj_attn.weight"))).toHaveLength(3);
    });
    const config = JSON.stringify(narrow.config);
    const [present, past] = [narrow.weights, weights].map((bytes) => loadUnet2d({ config, weights: bytes, engine }));
    expect(past!.parameters.names).toEqual(present!.parameters.names);
    expect(past!.parameters.data).toEqual(present!.parameters.data);
  });

  test("what was loaded is saved and loaded again under the file's names", async () => {
    const network = loadUnet2d({ ...narrow, engine });
    const names = [...readSafetensors(narrow.weights).tensors.keys()];
    expect([...network.parameters.names].sort()).toEqual([...names].sort());
    const again = loadUnet2d({ config: narrow.config, weights: saveUnet2d(network), engine });
    expect(again.parameters.data).toEqual(network.parameters.data);
    const { output } = await Network.load(network.save(), { engine }).run(narrow.inputs);
    expectAllClose(output!.data as Float32Array, narrow.output.data, { absolute: 1e-5 });
  });

  test("a Fourier embedding keeps its frequencies, which diffusers does not train", () => {
    const network = loadUnet2d({ ...fourier, engine });
    expect(network.parameters.has("time_proj.weight")).toBe(false);
    expect(network.graph.initializers.has("time_proj.weight")).toBe(true);
    expect(network.parameters.length).toBe(readSafetensors(fourier.weights).tensors.size - 1);
    for (const each of [network, network.freeze()]) {
      const saved = readSafetensors(saveUnet2d(each)).tensors;
      const stored = readSafetensors(fourier.weights).tensors;
      expect([...saved.keys()].sort()).toEqual([...stored.keys()].sort());
      for (const [name, { shape, data }] of stored) {
        expect(saved.get(name), name).toMatchObject({ shape, data });
      }
    }
  });

  test("options may be replaced where the weights still fit", async () => {
    const scaled = loadUnet2d({ ...narrow, overrides: { timeMultiplier: 8, sampleSize: null }, engine });
    const { t, ...others } = narrow.inputs;
    const eighth = new Tensor(
      (t!.data as Float32Array).map((time) => time / 8),
      t!.shape,
    );
    const { output } = await scaled.run({ ...others, t: eighth });
    expectAllClose(output!.data as Float32Array, narrow.output.data, { absolute: 1e-5 });
  });

  test("keys are respelled; notes of diffusers, and what is not used, are left out", () => {
    const read = readUnet2dConfig(
      '{"_diffusers_version": "1", "sample_size": [8, 4], "freq_shift": 1, "future": null}',
    );
    expect(read).toEqual({ sampleSize: [8, 4], freqShift: 1 });
    expectTypeOf(read).toEqualTypeOf<Unet2dConfig>();
  });

  test("files that do not belong together are refused", () => {
    const { config } = narrow;
    const without = rewritten(narrow, (tensors) => tensors.delete("conv_in.bias"));
    const other = rewritten(narrow, (tensors) => {
      tensors.set("conv_in.bias", { shape: [3], data: new Float32Array(3) });
    });
    const refused: [
      object | string,
      Uint8Array,
      typeof FormatError | typeof IncompatibleError | typeof ShapeError,
      RegExp,
    ][] = [
      ["{", narrow.weights, FormatError, /is no JSON/],
      ["[1]", narrow.weights, FormatError, /is a JSON object/],
      [{ ...config, _class_name: "UNet2DConditionModel" }, narrow.weights, FormatError, /"UNet2DConditionModel"/],
      [
        { ...config, layers_per_blok: 2 },
        narrow.weights,
        FormatError,
        /"layers_per_blok"; did you mean "layers_per_block"/,
      ],
      [{ ...config, time_multiplier: 2 }, narrow.weights, FormatError, /unknown key "time_multiplier"/],
      [config, narrow.weights.subarray(0, 1000), FormatError, /truncated/],
      [config, without, IncompatibleError, /Missing: "conv_in\.bias"/],
      [config, other, ShapeError, /"conv_in\.bias" has the shape \[4\]/],
    ];
    for (const [given, weights, kind, message] of refused) {
      expect(() => loadUnet2d({ config: given, weights, engine }), String(message)).toThrow(kind);
      expect(() => loadUnet2d({ config: given, weights, engine })).toThrow(message);
    }
  });
});
