import { constructEnv, type Reward } from "@diffusiongym/core";
import { BestOfN, evaluate } from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import { clouds, sumReward } from "../support/any-data.js";
import { s1 } from "../support/problems.js";

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, v) => sum + v / values.length, 0);

describe("best of n", () => {
  // METHODS 4.3, T9.
  it("T9: the best of 4 on S1 has a mean reward of 1.643", async () => {
    const { environment, tilt } = await s1(10);
    expect(Math.abs(tilt.bestOfN(4) - 1.643)).toBeLessThan(0.002);
    const { rewards, diagnostics } = await new BestOfN({ candidates: 4 }).draw({ environment, n: 20_000, seed: 1 });
    expect(Math.abs(mean(rewards) - 1.643)).toBeLessThan(0.01);
    expect(Math.abs(diagnostics.candidate_reward! + 0.35)).toBeLessThan(0.02);
    expect(diagnostics.reward_calls).toBe(80_000);
    expect(diagnostics.kl_bound).toBeCloseTo(Math.log(4) - 0.75, 12);
  });

  it("gives sample i the same whatever else is drawn, by ODE and by SDE", async () => {
    const { environment } = await s1(8);
    for (const solver of ["heun", "sde"] as const) {
      const sampler = new BestOfN({ candidates: 3, solver, rowsAtOnce: 7 });
      const whole = await sampler.draw({ environment, n: 10, seed: 2 });
      const tail = await new BestOfN({ candidates: 3, solver }).draw({ environment, n: 6, seed: 2, indexOffset: 4 });
      expect([...tail.latent.data]).toEqual([...whole.latent.data].slice(4));
    }
  });

  it("takes the smallest for a negative scale, leaves invalid candidates out, and refuses a scale of 0", async () => {
    const { environment } = await s1(8);
    const reward: Reward = {
      evaluate: (sample) => ({
        rewards: sample.data.slice(),
        valids: Uint8Array.from(sample.data, (x) => (x < 1 ? 1 : 0)),
      }),
    };
    const setup = (rewardScale: number) => constructEnv(environment.baseModel, reward, { steps: 8, rewardScale });
    const sampler = new BestOfN({ candidates: 16 });
    const { rewards, valids } = await sampler.draw({ environment: setup(1), n: 200, seed: 1 });
    expect(valids.every((flag) => flag === 1)).toBe(true);
    expect(Math.max(...rewards)).toBeLessThan(1);
    const low = await sampler.draw({ environment: setup(-1), n: 200, seed: 1 });
    expect(mean(low.rewards)).toBeLessThan(-2);
    await expect(sampler.draw({ environment: setup(0), n: 1, seed: 1 })).rejects.toMatchObject({
      requirement: "a reward scale",
    });
    expect(() => new BestOfN({ candidates: 0 })).toThrow("candidates");
  });

  it("works on samples of different sizes, and in evaluate", async () => {
    const { model } = clouds();
    const environment = constructEnv(model, sumReward(), { steps: 6 });
    const report = await evaluate(environment, { samplers: { best: new BestOfN({ candidates: 5 }) }, n: 64 });
    expect(report.samplers.best!.custom!.reward.mean).toBeGreaterThan(1);
    expect(new BestOfN({ candidates: 5 }).cite()).toMatch(/^@inproceedings/);
  });
});
