import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  ArgumentError,
  DDTensor,
  FormatError,
  isDifferentiable,
  make,
  makeReward,
  RandomKey,
  ShapeError,
  shared,
} from "@diffusiongym/core";
import { checkReward } from "@diffusiongym/core/testing";
import { LoadingError, loadAestheticReward, loadClipScoreReward } from "@diffusiongym/images";
import { writeSafetensors } from "@diffusiongym/nn";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";

interface Golden {
  readonly texts: string[];
  readonly aesthetic: number[];
  readonly aestheticGradient: number[];
  readonly cosines: number[];
  readonly cosineGradient: number[];
}
const golden = await loadFixture<Golden>("packages/images/test/fixtures/tiny-clip.json.gz");
const source = fileURLToPath(new URL("../fixtures/tiny-clip", import.meta.url));
const images = DDTensor.from(
  Array.from({ length: 4 * 3 * 20 * 27 }, (_, i) => ((i * 7919) % 1009) / 1008),
  [4, 3, 20, 27],
);
const prompt = golden.texts.slice(2, 6);
// Away from the limits, so that finite differences stay within them.
const smooth = DDTensor.randn(5, [3, 20, 27], RandomKey.fromSeed(1).streams()).scale(0.05).add(0.5);
const largestOf = (values: readonly number[]): number => Math.max(...values.map(Math.abs));

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "clip-rewards-"));
  vi.stubEnv("XDG_CACHE_HOME", join(scratch, "cache"));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(scratch, { recursive: true });
});

describe("images/aesthetic", () => {
  it("is the reference's, and so is its gradient, through interpolation, network and head", async () => {
    const reward = await loadAestheticReward({ source });
    const { rewards, valids } = await reward.evaluate(images);
    expectAllClose(rewards, golden.aesthetic, { absolute: 2e-6 });
    expect(Array.from(valids)).toEqual([1, 1, 1, 1]);
    const { gradient } = await reward.gradient(images);
    expectAllClose(gradient.data, golden.aestheticGradient, { absolute: 1e-5 * largestOf(golden.aestheticGradient) });
  });

  it("keeps the promises of a reward, its gradient by finite differences included", async () => {
    const reward = await makeReward("images/aesthetic", { source, batchSize: 2 });
    expect(isDifferentiable(reward)).toBe(true);
    await checkReward(reward, { sample: smooth, step: 3e-3, gradientTolerance: 2e-2 });
  });

  it("refuses values outside [0, 1] with the index of the sample, and latents", async () => {
    const reward = await loadAestheticReward({ source });
    const broken = images.clone();
    broken.data[3 * 20 * 27 * 2 + 5] = -0.25;
    await expect(reward.evaluate(broken)).rejects.toThrow("Image 2 has the value -0.25");
    broken.data[3 * 20 * 27 + 5] = Number.NaN;
    await expect(reward.gradient(broken)).rejects.toThrow("Image 1 has the value NaN");
    const latents = DDTensor.from(new Array(16).fill(0.5), [1, 4, 2, 2]);
    await expect(reward.evaluate(latents)).rejects.toThrow(ShapeError);
    await expect(makeReward("images/aesthetic", { head: 1 } as never)).rejects.toThrow('no option "head"');
  });

  describe("its head", () => {
    const head = (weight: number[], bias: number[], shape = [1, weight.length]): Uint8Array =>
      writeSafetensors([
        ["weight", { shape, data: Float32Array.from(weight) }],
        ["bias", { shape: [bias.length], data: Float32Array.from(bias) }],
      ]);
    const zeros = (length: number): number[] => new Array(length).fill(0);
    let bare: string;
    beforeAll(async () => {
      bare = join(scratch, "bare");
      await cp(source, bare, { recursive: true });
      await rm(join(bare, "aesthetic_head.safetensors"));
    });

    it("is the file that is named, in the folder that is named, or in the cache", async () => {
      const biasOf = async (headSource?: string): Promise<number> => {
        const reward = await loadAestheticReward({ source: bare, ...(headSource !== undefined && { headSource }) });
        return (await reward.evaluate(images.slice(0, 1))).rewards[0]!;
      };
      await expect(biasOf()).rejects.toThrow(LoadingError);
      await expect(biasOf()).rejects.toThrow(
        /aesthetic_head\.safetensors in .*bare nor .*cache.diffusiongym.*aesthetic_head\.py/,
      );
      await cp(source, join(scratch, "cache", "diffusiongym"), { recursive: true });
      expect(await biasOf()).toBeCloseTo(golden.aesthetic[0]!, 5);
      await writeFile(join(scratch, "my.safetensors"), head(zeros(12), [5]));
      expect(await biasOf(join(scratch, "my.safetensors"))).toBe(5);
      await writeFile(join(bare, "aesthetic_head.safetensors"), head(zeros(12), [3]));
      expect(await biasOf()).toBe(3);
      expect(await biasOf(source)).toBeCloseTo(golden.aesthetic[0]!, 5);
      await expect(biasOf(join(scratch, "none.safetensors"))).rejects.toThrow(/none\.safetensors/);
    });

    it.each([
      ["of another CLIP", head(zeros(768), [0]), ArgumentError, /768 numbers .* gives 12/],
      ["of more than one score", head(zeros(24), [0, 0], [2, 12]), FormatError, /weight F32 \[2, 12\]/],
      ["with NaN", head([Number.NaN, ...zeros(11)], [0]), FormatError, /not finite/],
      ["cut off", head(zeros(12), [0]).slice(0, 40), FormatError, /./],
    ])("%s is refused", async (_, bytes, type, message) => {
      const headSource = join(scratch, "wrong.safetensors");
      await writeFile(headSource, bytes);
      const loading = loadAestheticReward({ source: bare, headSource });
      await expect(loading).rejects.toThrow(type);
      await expect(loading).rejects.toThrow(message);
    });
  });
});

describe("images/clip-score", () => {
  it("is the cosine of each image with its own prompt, and so is its gradient", async () => {
    const reward = await loadClipScoreReward({ source, scale: 2 });
    const expected = golden.cosines.map((cosine) => 2 * cosine);
    for (const conditioning of [{ prompt }, { prompt: shared(prompt) }]) {
      const { rewards } = await reward.evaluate(images, images, conditioning);
      expectAllClose(rewards, expected, { absolute: 4e-6 });
    }
    const { rewards, gradient } = await reward.gradient(images, images, { prompt });
    expectAllClose(rewards, expected, { absolute: 4e-6 });
    const doubled = golden.cosineGradient.map((value) => 2 * value);
    expectAllClose(gradient.data, doubled, { absolute: 1e-5 * largestOf(doubled) });
  });

  it("takes the option before the conditioning, and one prompt for all", async () => {
    const fixed = await loadClipScoreReward({ source, prompt: prompt[1]! });
    const free = await loadClipScoreReward({ source });
    const { rewards } = await fixed.evaluate(images, images, { prompt });
    expect(rewards[1]).toBeCloseTo(golden.cosines[1]!, 5);
    expect((await free.evaluate(images, images, { prompt: prompt[1]! })).rewards).toEqual(rewards);
  });

  it("judges each image of a model of prompts by its own", async () => {
    const pipeline = fileURLToPath(new URL("../fixtures/tiny-stable-diffusion", import.meta.url));
    const prompts = ["a red bicycle", "a calm sea at dawn"];
    const environment = await make("images/stable-diffusion", "images/clip-score", {
      baseModel: { source: pipeline, guidanceScale: 0 },
      reward: { source },
      steps: 2,
    });
    const made = await environment.sample(2, { seed: 3, conditioning: { prompt: prompts } });
    const alone = await makeReward("images/clip-score", { source, prompt: prompts[1]! });
    const judged = await alone.evaluate(made.sample, made.latent, {});
    expect(made.rewards[1]).toBeCloseTo(judged.rewards[1]!, 5);
    expect(made.rewards[0]).not.toBeCloseTo(judged.rewards[0]!, 5);
  });

  it("keeps the promises of a reward, its gradient by finite differences included", async () => {
    const reward = await makeReward("images/clip-score", { source });
    const conditioning = { prompt: ["a cat", "a dog", "a cat", "two horses", "the sea"] } as never;
    await checkReward(reward, { sample: smooth, conditioning, step: 3e-3, gradientTolerance: 2e-2 });
  });

  it("refuses to judge without a prompt, and numbers that make no sense", async () => {
    const reward = await loadClipScoreReward({ source });
    await expect(reward.evaluate(images, images, {})).rejects.toThrow(/needs a prompt.*missing here/);
    await expect(reward.evaluate(images, images, { prompt: [1, 2, 3, 4] })).rejects.toThrow(ArgumentError);
    await expect(reward.evaluate(images, images, { prompt: ["a", "b"] })).rejects.toThrow(/2 prompts for 4 images/);
    await expect(loadClipScoreReward({ source, scale: Number.NaN })).rejects.toThrow("scale");
    await expect(loadClipScoreReward({ source, prompt: 3 as never })).rejects.toThrow("prompt");
    const broken = images.clone();
    broken.data[0] = 2;
    await expect(reward.evaluate(broken, broken, { prompt })).rejects.toThrow("Image 0 has the value 2");
  });
});
