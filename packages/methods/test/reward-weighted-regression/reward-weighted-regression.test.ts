import { constructEnv, type Environment, isErrorNamed } from "@diffusiongym/core";
import { RewardWeightedRegression, type RewardWeightedRegressionOptions } from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";
import { s1 } from "../support/problems.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (rewardScale = 0.8): Environment => constructEnv(model, new LinearReward(), { steps: 8, rewardScale });

const make = (options: Partial<RewardWeightedRegressionOptions> = {}): RewardWeightedRegression =>
  new RewardWeightedRegression({
    environment: problem(),
    policy: residualPolicy(model),
    iterations: 40,
    basePoolSize: 512,
    poolSize: 256,
    batchSize: 64,
    noisings: 2,
    learningRate: 2e-2,
    averageDecay: 0.9,
    solverSteps: 6,
    leastEss: 20,
    ...options,
  });

describe("reward-weighted regression", () => {
  it.each([1, 2])("keeps the promises of every method in %i rounds", async (rounds) => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) =>
        make({ environment, iterations, rounds: Math.min(rounds, iterations), maxWeight: 100 }),
      adapted: (method) => ({ policy: method.adapted }),
      // Plain flow matching fits the base model's samples again.
      zeroRewardKl: 0.05,
    });
  });

  it("reports the exact effective sample size and the tilt's mean reward", async () => {
    const { environment, tilt } = await s1(8);
    const method = make({
      environment,
      policy: residualPolicy(environment.baseModel),
      basePoolSize: 20_000,
      solverSteps: 24,
      iterations: 1,
    });
    const metrics = await method.iterate();
    // METHODS 1.8: Z(1)^2 / Z(2) = .225.
    expect(Math.abs(metrics.ess_fraction! - 0.225)).toBeLessThan(0.015);
    const error = metrics.reward_expected_error!;
    expect(Math.abs(metrics.reward_expected! - tilt.expectedReward)).toBeLessThan(4 * error + 0.01);
    expect(metrics.reward_scale).toBe(1);
  });

  it("stops when the pool has too few effective samples", async () => {
    const error = await make({ environment: problem(4), basePoolSize: 256 })
      .iterate()
      .catch((caught: unknown) => caught);
    expect(isErrorNamed(error, "TrainingAbortedError")).toBe(true);
    expect(error).toMatchObject({ rule: "effective-samples", iteration: 1 });
  });

  it("clamps weights, which makes the tilt smaller", async () => {
    const method = make({ environment: problem(2), maxWeight: 1.5, iterations: 1, leastEss: 1 });
    await method.iterate();
    const weights = (method as unknown as { poolWeights(): Float64Array }).poolWeights();
    expect(Math.max(...weights)).toBeCloseTo(1.5 / 512, 10);
    expect(() => make({ maxWeight: 1 })).toThrow("maxWeight");
  });
});
