import { readFile, stat } from "node:fs/promises";
import { make, RandomKey } from "@diffusiongym/core";
import { Adam } from "@diffusiongym/nn";
import { describe, expect, it } from "vitest";
import { drawScenes } from "../../../../tooling/models/scenes/draw-scenes.mjs";
import { loadScenesModel, PixelModel } from "../../src/index.js";
import { compareSamples, statisticsOf } from "./statistics.js";

const folder = new URL("../../", import.meta.url);

describe("the parameters of images/scenes", () => {
  it("come with the package, in at most 4 MB", async () => {
    const { files } = JSON.parse(await readFile(new URL("package.json", folder), "utf8")) as { files: string[] };
    expect(files).toContain("weights");
    const { size } = await stat(new URL("weights/scenes.safetensors", folder));
    expect(size).toBeGreaterThan(2e6);
    expect(size).toBeLessThanOrEqual(4e6);
  });
});

describe("64 samples of images/scenes", async () => {
  const environment = await make("images/scenes", "images/compression", { steps: 50 });
  const { sample, rewards } = await environment.sample(64, { seed: 0 });
  const sampled = await statisticsOf(sample);
  // Training drew its scenes from another key.
  const fresh = await statisticsOf(drawScenes(500, RandomKey.fromSeed(12).fold("fresh").streams()));

  it("are images, of which some take much more to store than others", () => {
    expect(sample.shape).toEqual([64, 3, 32, 32]);
    expect(sample.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(Math.min(...rewards) / Math.max(...rewards)).toBeGreaterThan(2);
  });

  it.each(Object.keys(fresh))("%s is close to that of scenes", (name) => {
    // For one law and these numbers of samples the distance is below 0.18 in 95 of 100 cases.
    expect(compareSamples(fresh[name]!, sampled[name]!).distance).toBeLessThan(0.25);
  });
});

describe("images/scenes", () => {
  it("is trained as a copy, which leaves the model as it is", async () => {
    const key = RandomKey.fromSeed(3);
    const latents = drawScenes(8, key.fold("scenes").streams()).mul(2).sub(1);
    const model = await loadScenesModel();
    const t = new Float32Array(8).fill(0.5);
    const before = await model.forward(latents, t, {});
    for (const trainable of ["all", "lora"] as const) {
      const policy = model.clone({ trainable });
      expect(policy).toBeInstanceOf(PixelModel);
      expect(
        (await policy.forward(latents, t, {}))
          .sub(before)
          .squaredNorm()
          .every((norm) => norm < 1e-6),
      ).toBe(true);
      const { xt, target } = policy.trainingPair(latents, { t, streams: key.streams() });
      const batch = { x: xt, t, conditioning: {}, targets: target, weights: new Float32Array(8).fill(1 / 8) };
      const learningRate = trainable === "all" ? 1e-4 : 1e-3;
      const optimizer = new Adam(policy.network.parameters, { learningRate });
      const { loss } = await policy.regress(batch);
      for (let step = 0; step < 3; step++) {
        await policy.regress(batch);
        optimizer.update(policy.network.gradients);
      }
      expect((await policy.regress(batch)).loss).toBeLessThan(loss);
      expect(
        (await policy.forward(latents, t, {}))
          .sub(before)
          .squaredNorm()
          .every((norm) => norm > 1e-4),
      ).toBe(true);
      expect((await model.forward(latents, t, {})).data).toEqual(before.data);
    }
  });
});
