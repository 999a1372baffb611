import {
  DDTensor,
  type Environment,
  type EnvironmentOf,
  make,
  makeBaseModel,
  type NoConditioning,
  RandomKey,
} from "@diffusiongym/core";
import { checkBaseModel } from "@diffusiongym/core/testing";
import { Engine, Network } from "@diffusiongym/nn";
import { describe, expect, expectTypeOf, it } from "vitest";
import { drawScenes } from "../../../../tooling/models/scenes/draw-scenes.mjs";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadScenesModel, PixelModel, scenesUnet } from "../../src/index.js";

const key = RandomKey.fromSeed(3);
const scenes = drawScenes(8, key.fold("scenes").streams());
/** In [-1, 1], where the model has them. */
const latents = scenes.mul(2).sub(1);

describe("images/scenes", () => {
  it("keeps the promises of a base model", async () => {
    await checkBaseModel(await makeBaseModel("images/scenes"));
  });

  it("is a model of pixels, of images 32 x 32 in colour", async () => {
    const model = await loadScenesModel({ engine: new Engine({ threads: 1 }) });
    expectTypeOf(model).toEqualTypeOf<PixelModel>();
    expectTypeOf<EnvironmentOf<"images/scenes">>().toEqualTypeOf<Environment<DDTensor, NoConditioning>>();
    expect(model).toBeInstanceOf(PixelModel);
    expect(model.sampleShape).toEqual([3, 32, 32]);
    expect(model.outputType).toBe("velocity");
    expect(model.network.engine.threads).toBe(1);
    expect(model.network.parameters.size).toBe(1_513_740);
  });

  it("gives the samples that it gave when it was trained, the same for the same seed", async () => {
    const environment = await make("images/scenes", "images/red", { steps: 20 });
    const { sample, rewards } = await environment.sample(3, { seed: 7 });
    // Kernels of other processors and of browsers round otherwise, and a rollout adds that up.
    const rounding = { absolute: 2e-3 };
    expectAllClose(rewards, [-0.059473, 0.21328, 0.147008], rounding);
    expectAllClose(sample.aggregate("mean"), [0.413656, 0.428037, 0.381986], rounding);
    const pixels = [0, 500, 1500, 3071, 3072 + 1040, 2 * 3072 + 2500].map((i) => sample.data[i]!);
    expectAllClose(pixels, [0.330994, 0.518874, 0.470174, 0.337912, 0.250997, 0.364263], rounding);
    expect((await environment.sample(3, { seed: 7 })).sample.data).toEqual(sample.data);
  });

  it("knows scenes: its loss on them is far below that on noise, and below that of a network that starts", async () => {
    const model = await loadScenesModel();
    const started = model.withNetwork(Network.initialize(scenesUnet(), key));
    const mean = (losses: Float32Array): number => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    const t = Float32Array.from({ length: 8 }, (_, i) => (i + 0.5) / 8);
    const streams = key.fold("noise").streams();
    const own = mean(await model.trainLoss(latents, { t, streams }));
    const noise = DDTensor.randn(8, [3, 32, 32], key.fold("other").streams());
    expect(own).toBeLessThan(0.3 * mean(await started.trainLoss(latents, { t, streams })));
    expect(own).toBeLessThan(0.2 * mean(await model.trainLoss(noise, { t, streams })));
  });
});

describe("scenesUnet", () => {
  it("gives finite velocities at both ends of the path, whatever its parameters", async () => {
    const network = Network.initialize(scenesUnet(), key);
    const x = latents.tensor;
    const t = DDTensor.from([0, 1, 0, 1, 0, 1, 0, 1]).tensor;
    const { output } = await network.run({ x, t });
    expect(output?.shape).toEqual([8, 3, 32, 32]);
    expect(output?.data.every(Number.isFinite)).toBe(true);
  });

  it("gives the best linear velocity where its last layer gives nothing", async () => {
    const network = Network.initialize(scenesUnet(), key);
    network.parameters.get("conv_out.weight").data.fill(0);
    network.parameters.get("conv_out.bias").data.fill(0);
    const times = [0, 0.2, 0.5, 0.9, 1];
    const x = DDTensor.randn(5, [3, 32, 32], key.streams());
    const { output } = await network.run({ x: x.tensor, t: DDTensor.from(times).tensor });
    // Cov(v, x) / Var(x) for v = x1 - x0 with Var(x1) = 1/4.
    const factors = times.map((t) => (t / 4 - (1 - t)) / (t ** 2 / 4 + (1 - t) ** 2));
    const expected = x.scale(Float32Array.from(factors));
    expect(
      new DDTensor(output!)
        .sub(expected)
        .squaredNorm()
        .every((norm) => norm < 1e-6),
    ).toBe(true);
  });
});
