import { DDTensor, isDifferentiable, makeReward, RandomKey } from "@diffusiongym/core";
import { checkReward } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import "../../src/index.js";

// Around the middle, so that finite differences stay within [0, 1].
const images = DDTensor.randn(6, [3, 5, 7], RandomKey.fromSeed(1).streams()).scale(0.1).add(0.5);
const plain = (...colour: number[]): DDTensor =>
  DDTensor.from(
    colour.flatMap((value) => new Array(4).fill(value)),
    [1, colour.length, 2, 2],
  );

describe.each(["images/red", "images/brightness"] as const)("%s", (id) => {
  it("keeps the promises of a reward, its gradient included", async () => {
    const reward = await makeReward(id);
    expect(isDifferentiable(reward)).toBe(true);
    await checkReward(reward, { sample: images, gradientTolerance: 1e-4 });
  });

  it("refuses values outside [0, 1] with the index of the sample, latents, and options", async () => {
    const reward = await makeReward(id);
    const broken = images.clone();
    broken.data[105 * 4] = 1.5;
    expect(() => reward.evaluate(broken, broken, {})).toThrow("Image 4 has the value 1.5");
    broken.data[105 * 3] = Number.NaN;
    expect(() => reward.evaluate(broken, broken, {})).toThrow("Image 3 has the value NaN");
    const latents = DDTensor.from(new Array(16).fill(0.5), [1, 4, 2, 2]);
    expect(() => reward.evaluate(latents, latents, {})).toThrow("[1, 4, 2, 2]");
    await expect(makeReward(id, { weight: 2 } as never)).rejects.toThrow('no option "weight"');
  });
});

it.each([
  ["images/red", [1, 0, 0], 1],
  ["images/red", [0, 1, 1], -1],
  ["images/red", [0.6, 0.6, 0.6], 0],
  ["images/brightness", [1, 1, 1], 1],
  ["images/brightness", [0, 0, 0], 0],
  ["images/brightness", [0, 1, 0], 0.587],
  ["images/brightness", [0.25], 0.25],
] as const)("%s of the colour %j is %f", async (id, colour, expected) => {
  const image = plain(...colour);
  const { rewards } = await (await makeReward(id)).evaluate(image, image, {});
  expect(rewards[0]).toBeCloseTo(expected, 6);
});
