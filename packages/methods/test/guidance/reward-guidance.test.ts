import { constructEnv, DDTensor, type Environment, outputTypes, RandomKey, type Reward } from "@diffusiongym/core";
import { evaluate, RewardGuidance, SequentialMonteCarlo } from "@diffusiongym/methods";
import {
  ExactTilt,
  GaussianMixture,
  GaussianMixtureModel,
  HalfSpaceReward,
  LinearReward,
  QuadraticReward,
} from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { s1, s1Mixture } from "../support/problems.js";

const mixture = GaussianMixture.from({ ...s1Mixture, means: s1Mixture.means.map((mean) => [mean]) });
const model = new GaussianMixtureModel({ mixture });
const environmentOf = (reward: Reward, rewardScale: number, steps = 50): Environment =>
  constructEnv(model, reward, { steps, rewardScale });

/** A law on a grid of points after all Euler-Maruyama steps, by summing over transitions. */
async function lawOf(environment: Environment, points: Float64Array): Promise<Float64Array> {
  const { timesteps, steps } = environment;
  const width = points[1]! - points[0]!;
  const x = DDTensor.from(Float32Array.from(points), [points.length, 1]);
  let law = points.map((point) => Math.exp(-(point ** 2) / 2) / Math.sqrt(2 * Math.PI));
  for (let k = 0; k < steps; k++) {
    const t = new Float32Array(points.length).fill(timesteps[k]!);
    const dt = timesteps[k + 1]! - timesteps[k]!;
    const { drift } = await environment.drift(x, t, {});
    const deviation = (environment.diffusion(t) as Float64Array)[0]! * Math.sqrt(dt);
    const next = new Float64Array(points.length);
    const reach = Math.ceil((8 * deviation) / width);
    for (let i = 0; i < points.length; i++) {
      if (law[i]! < 1e-30) {
        continue;
      }
      const mean = points[i]! + dt * drift.data[i]!;
      const centre = Math.round((mean - points[0]!) / width);
      const factor = (law[i]! * width) / (deviation * Math.sqrt(2 * Math.PI));
      for (let j = Math.max(0, centre - reach); j <= Math.min(points.length - 1, centre + reach); j++) {
        next[j]! += factor * Math.exp(-0.5 * ((points[j]! - mean) / deviation) ** 2);
      }
    }
    law = next;
  }
  return law;
}

/** Slope of log(p / p_base) on r under p, over lambda; R^2; KL to the tilt of the base chain. */
async function achieved(reward: LinearReward | QuadraticReward, rewardScale: number) {
  const environment = environmentOf(reward, rewardScale);
  const points = Float64Array.from({ length: 1201 }, (_, i) => -9 + 0.015 * i);
  const base = await lawOf(environment, points);
  const controlPolicy = new RewardGuidance({ environment });
  const led = await lawOf(environment.withPolicies({ controlPolicy }), points);
  const { rewards } = await reward.evaluate(DDTensor.from(Float32Array.from(points), [points.length, 1]));
  let total = 0;
  const sums = { r: 0, l: 0, rr: 0, rl: 0, ll: 0 };
  let normalizer = 0;
  points.forEach((_, i) => {
    normalizer += base[i]! * Math.exp(rewardScale * rewards[i]!);
    if (base[i]! > Math.exp(-12) && led[i]! > 1e-12) {
      const [weight, r, l] = [led[i]!, rewards[i]!, Math.log(led[i]! / base[i]!)];
      total += weight;
      sums.r += weight * r;
      sums.l += weight * l;
      sums.rr += weight * r * r;
      sums.rl += weight * r * l;
      sums.ll += weight * l * l;
    }
  });
  const covariance = sums.rl / total - (sums.r * sums.l) / total ** 2;
  const variance = sums.rr / total - (sums.r / total) ** 2;
  const spread = sums.ll / total - (sums.l / total) ** 2;
  let divergence = 0;
  const mass = led.reduce((sum, value) => sum + value, 0);
  led.forEach((density, i) => {
    if (density > 1e-12) {
      const tilted = (base[i]! * Math.exp(rewardScale * rewards[i]!)) / normalizer;
      divergence += (density / mass) * Math.log(density / mass / Math.max(tilted, 1e-300));
    }
  });
  return { ratio: covariance / variance / rewardScale, rSquared: covariance ** 2 / (variance * spread), divergence };
}

describe("the control", () => {
  it.each(outputTypes)(
    "%s: is sigma lambda times the gradient of r(D(x)) that differences show",
    async (outputType) => {
      const own = new GaussianMixtureModel({ mixture, outputType });
      const reward = new QuadraticReward({ center: [1] });
      const environment = constructEnv(own, reward, { steps: 8, rewardScale: 0.7 });
      const guidance = new RewardGuidance({ environment, strength: 1.5 });
      await guidance.validate();
      const x = DDTensor.randn(6, [1], RandomKey.fromSeed(1).streams());
      const t = Float32Array.of(0.1, 0.25, 0.4, 0.6, 0.8, 0.95);
      const rewardAt = async (by: number): Promise<Float32Array> => {
        const ends = await environment.predFinal(x.add(by), t, {});
        return reward.evaluate(ends).rewards;
      };
      const [above, below] = [await rewardAt(1e-2), await rewardAt(-1e-2)];
      const control = await guidance.control(x, t, {});
      t.forEach((time, i) => {
        const slope = (above[i]! - below[i]!) / 2e-2;
        const expected = 1.5 * 0.7 * own.scheduler.sigmaMemoryless(time) * slope;
        expect(Math.abs(control.data[i]! - expected)).toBeLessThan(5e-3 * Math.max(1, Math.abs(expected)));
      });
      const late = await new RewardGuidance({ environment, timeRange: [0.5, 1] }).control(x, t, {});
      expect([...late.data].map((value) => value !== 0)).toEqual([false, false, false, true, true, true]);
    },
  );

  it("refuses a reward or a model without a gradient, and options out of range", async () => {
    const indicator = environmentOf(new HalfSpaceReward({ threshold: 0 }), 1, 4);
    await expect(new RewardGuidance({ environment: indicator }).validate()).rejects.toMatchObject({
      requirement: "a differentiable reward",
    });
    const { environment } = await s1(4);
    Object.assign(environment.baseModel, { vjp: undefined });
    const plain = new RewardGuidance({ environment });
    await expect(plain.validate()).rejects.toMatchObject({ requirement: "a differentiable base model" });
    await expect(plain.control(DDTensor.from([[0]]), Float32Array.of(0.5), {})).rejects.toMatchObject({
      requirement: "a differentiable base model",
    });
    expect(() => new RewardGuidance({ environment, strength: Number.NaN })).toThrow("strength");
    expect(() => new RewardGuidance({ environment, timeRange: [0.5, 0.2] })).toThrow("timeRange");
  });
});

// METHODS 1.11, N = 50, interior grid.
describe("the law on S1, without sampling", () => {
  it.each([
    ["linear", 0.3, new LinearReward(), { ratio: 0.98, divergence: 6e-4, rSquared: undefined }],
    ["linear", 1, new LinearReward(), { ratio: 1.11, divergence: 0.036, rSquared: 0.967 }],
    ["quadratic", 0.5, new QuadraticReward({ center: [0.5] }), { ratio: 1.33, divergence: 0.021, rSquared: undefined }],
  ] as const)("%s reward, lambda = %d", async (_, rewardScale, reward, expected) => {
    const found = await achieved(reward, rewardScale);
    expect(Math.abs(found.ratio - expected.ratio)).toBeLessThan(0.01);
    expect(Math.abs(found.divergence - expected.divergence)).toBeLessThan(0.1 * expected.divergence + 1e-4);
    if (expected.rSquared !== undefined) {
      expect(Math.abs(found.rSquared - expected.rSquared)).toBeLessThan(0.005);
    }
  });
});

describe("samples", () => {
  it("are pulled to the reward by SDE and ODE, and weights repair the bias", async () => {
    const environment = environmentOf(new LinearReward(), 1, 50);
    const tilt = new ExactTilt({ mixture, reward: new LinearReward(), rewardScale: 1 });
    const guidance = new RewardGuidance({ environment });
    const { samplers } = await evaluate(environment, { samplers: { guided: { controlPolicy: guidance } }, n: 2000 });
    expect(samplers.guided!.sde!.reward.mean).toBeGreaterThan(2.2);
    expect(samplers.guided!.ode!.reward.mean).toBeGreaterThan(2);
    expect(samplers.guided!.sde!.pathEss!).toBeGreaterThan(0.4);
    const repaired = await new SequentialMonteCarlo({
      particles: 512,
      potential: "none",
      proposal: { controlPolicy: guidance },
    }).draw({ environment, n: 2048, seed: 1 });
    expect(Math.abs(repaired.diagnostics.reward! - tilt.expectedReward)).toBeLessThan(0.1);
  });
});
