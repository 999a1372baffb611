import { DDTensor, Environment, modalityKit, type PresentationRequest, RandomKey } from "@diffusiongym/core";
import { Engine } from "@diffusiongym/nn";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { CompressionReward } from "../../src/index.js";
import { noiseModel } from "./noise-model.js";

const kit = modalityKit("images/any");

async function request(roles: readonly ("base" | "adapted")[], rewardId = "images/compression") {
  const environment = new Environment(noiseModel(), new CompressionReward(), { steps: 4 });
  const sample = await environment.sample(3, { seed: 1 });
  const paths = await environment.sample(2, { seed: 1, record: ["trajectory"] });
  const groups = roles.map((role) => ({ role, title: `the ${role} <model>`, samples: sample, paths }));
  return { request: { groups, rewardId, baseModel: environment.baseModel } as unknown as PresentationRequest, sample };
}

describe("images as they are shown", () => {
  it("one model: a grid, a moving picture and a file an image", async () => {
    const { request: shown, sample } = await request(["base"]);
    const { files, figures } = await kit.present!(shown);
    expect(files.map(({ name }) => name)).toEqual([
      "samples.png",
      "samples.webp",
      "images/0000.png",
      "images/0001.png",
      "images/0002.png",
    ]);
    const single = await sharp(files[3]!.bytes).raw().toBuffer({ resolveWithObject: true });
    expect([single.info.width, single.info.height]).toEqual([8, 8]);
    const first = sample.sample.at(1).data;
    const red = Array.from({ length: 64 }, (_, i) => single.data[3 * i]! / 255);
    for (const [i, value] of red.entries()) {
      expect(Math.abs(value - first[i]!)).toBeLessThan(0.5 / 255 + 1e-6);
    }
    const moving = await sharp(files[1]!.bytes, { animated: true }).metadata();
    expect(moving.pages).toBe(5);
    expect(figures.map(({ title }) => title)).toEqual(["Samples", "From noise to image"]);
  });

  it("two models side by side, every image with its reward", async () => {
    const { request: shown, sample } = await request(["base", "adapted"]);
    const { files, figures } = await kit.present!(shown);
    expect(files.map(({ name }) => name)).toEqual(["base.png", "base.webp", "adapted.png", "adapted.webp"]);
    const [samples] = figures;
    expect(samples!.caption).toContain("its reward, images/compression");
    expect(samples!.html.match(/<img /g)).toHaveLength(6);
    for (const reward of sample.rewards) {
      expect(samples!.html).toContain(`<figcaption>${reward.toFixed(2).replace("-", "−")}</figcaption>`);
    }
    expect(samples!.html).toContain("the base &lt;model>");
    expect(samples!.html).not.toMatch(/src="(?!data:)/);
  });

  it("no numbers without a reward", async () => {
    const { request: shown } = await request(["base"], "any/zero");
    const { figures } = await kit.present!(shown);
    expect(figures[0]!.html).not.toContain("<figcaption>");
    expect(figures[0]!.caption).not.toContain("reward");
  });

  it("refuses data that are no images", async () => {
    const { request: shown, sample } = await request(["base"]);
    const samples = {
      ...sample,
      sample: DDTensor.from([1, 2, 3], [3, 1]),
      rewards: sample.rewards,
      valids: sample.valids,
    };
    const wrong = { ...shown, groups: [{ ...shown.groups[0]!, samples }] } as unknown as PresentationRequest;
    await expect(async () => kit.present!(wrong)).rejects.toThrow("[n, c, h, w]");
  });
});

describe("the value network of images", () => {
  it("starts at a value of one's own, the same everywhere", async () => {
    const model = noiseModel();
    const engine = new Engine({ threads: 1 });
    const request = { baseModel: model as never, key: RandomKey.fromSeed(3), engine, initialValue: 12.5 };
    const value = await kit.valueNetwork!(request);
    const { x } = await model.sampleP0(2, RandomKey.fromSeed(4).streams());
    expect(Array.from(await value.value(x, Float32Array.of(0.1, 0.9), {}))).toEqual([12.5, 12.5]);
    await value.network.dispose();
  });

  it("starts at 0 everywhere and takes the model's images", async () => {
    const model = noiseModel();
    const value = await kit.valueNetwork!({
      baseModel: model as never,
      key: RandomKey.fromSeed(3),
      engine: new Engine({ threads: 1 }),
    });
    const { x } = await model.sampleP0(5, RandomKey.fromSeed(4).streams());
    expect(Array.from(await value.value(x, new Float32Array(5).fill(0.5), {}))).toEqual([0, 0, 0, 0, 0]);
    await value.network.dispose();
  });
});
