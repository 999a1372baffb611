import { constantNoise, constructEnv } from "@diffusiongym/core";
import { evaluate, SVDD } from "@diffusiongym/methods";
import { ExactValue, type GaussianMixtureModel } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { clouds, sumReward } from "../support/any-data.js";
import { s1 } from "../support/problems.js";

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, v) => sum + v / values.length, 0);

describe("SVDD", () => {
  it("is the base model with one child, and nearer to the tilt the more children there are", async () => {
    const { environment, tilt } = await s1(30);
    const value = new ExactValue(tilt, (environment.baseModel as GaussianMixtureModel).scheduler);
    const one = await new SVDD({ children: 1 }).draw({ environment, n: 6, seed: 4 });
    const plain = await environment.sample(6, { seed: 4 });
    plain.latent.data.forEach((entry, i) => {
      expect(one.latent.data[i]).toBeCloseTo(entry, 4);
    });
    const missOf = async (children: number): Promise<number> => {
      const { rewards } = await new SVDD({ children, value, timeRange: [0, 1] }).draw({
        environment,
        n: 2000,
        seed: 1,
      });
      return Math.abs(mean(rewards) - tilt.expectedReward);
    };
    const misses = [await missOf(2), await missOf(16)];
    expect(misses[0]!).toBeGreaterThan(0.3);
    expect(misses[1]!).toBeLessThan(0.2);
  });

  it("raises rewards by r(D), counts what it costs, and does not depend on the batch", async () => {
    const { environment } = await s1(10);
    const sampler = new SVDD({ children: 4, rowsAtOnce: 20 });
    const whole = await sampler.draw({ environment, n: 16, seed: 2 });
    const tail = await new SVDD({ children: 4 }).draw({ environment, n: 6, seed: 2, indexOffset: 10 });
    expect([...tail.latent.data]).toEqual([...whole.latent.data].slice(10));
    const many = await sampler.draw({ environment, n: 400, seed: 1 });
    expect(many.diagnostics.reward!).toBeGreaterThan(0.8);
    // Ten steps with four children each, all after t = .1; the children of the last step need no output.
    expect(many.diagnostics.model_calls).toBe(400 * (1 + 9 * 4));
    expect(many.diagnostics.reward_calls).toBe(400 * 10 * 4);
  });

  it("works on samples of different sizes, and in evaluate", async () => {
    const environment = constructEnv(clouds().model, sumReward(), { steps: 6, rewardScale: 0.5 });
    const report = await evaluate(environment, { samplers: { svdd: new SVDD({ children: 8 }) }, n: 100 });
    expect(report.samplers.svdd!.custom!.reward.mean).toBeGreaterThan(0.8);
  });

  it("refuses steps without noise, and options out of range", async () => {
    const { environment } = await s1(6);
    const { baseModel, reward } = environment;
    const still = constructEnv(baseModel, reward, { steps: 6, noiseSchedule: constantNoise(0) });
    await expect(new SVDD().draw({ environment: still, n: 1, seed: 1 })).rejects.toMatchObject({
      requirement: "stochastic steps",
    });
    for (const options of [{ children: 0 }, { timeRange: [0.5, 2] as const }, { rowsAtOnce: 0 }]) {
      expect(() => new SVDD(options)).toThrow(Object.keys(options)[0]);
    }
  });
});
