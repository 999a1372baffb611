import { constructEnv, type Environment, RandomKey } from "@diffusiongym/core";
import {
  meanOneWeights,
  RewardWeightedFlowMatching,
  type RewardWeightedFlowMatchingOptions,
  RunningScale,
} from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { ExactTilt, type GaussianMixtureModel, LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";
import { s1 } from "../support/problems.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (rewardScale = 0.8): Environment => constructEnv(model, new LinearReward(), { steps: 8, rewardScale });

const make = (options: Partial<RewardWeightedFlowMatchingOptions> = {}): RewardWeightedFlowMatching =>
  new RewardWeightedFlowMatching({
    environment: problem(),
    policy: residualPolicy(model),
    iterations: 40,
    batchSize: 64,
    noisings: 2,
    learningRate: 2e-2,
    solverSteps: 6,
    ...options,
  });

describe("reward-weighted flow matching", () => {
  it.each([0, 0.5])("keeps the promises of every method, penalty %f", async (referencePenalty) => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) =>
        make({ environment, iterations, referencePenalty, refreshEvery: 3, temperature: 1 }),
      adapted: (method) => ({ policy: method.adapted }),
      iterations: 60,
      // Plain flow matching fits the samples again.
      zeroRewardKl: 0.1,
    });
  });

  it("T11: the first round with tau = .5 is the tilt of S1 by .273", async () => {
    const { environment } = await s1(8);
    const { mixture } = environment.baseModel as GaussianMixtureModel;
    const rewards = Float32Array.from(mixture.sample(200_000, RandomKey.fromSeed(5).streams()));
    const valids = new Uint8Array(rewards.length).fill(1);
    const scale = new RunningScale(0.9);
    scale.add(rewards, valids);
    const weights = meanOneWeights(rewards, valids, { strength: 0.5 / scale.deviation, groupSize: 0 });
    const mean = rewards.reduce((sum, reward, i) => sum + weights[i]! * reward, 0) / rewards.length;
    // The lambda whose tilt has this mean reward.
    let [low, high] = [0, 1];
    for (let step = 0; step < 40; step++) {
      const middle = (low + high) / 2;
      const tilt = new ExactTilt({ mixture, reward: environment.reward as LinearReward, rewardScale: middle });
      [low, high] = tilt.expectedReward < mean ? [middle, high] : [low, middle];
    }
    expect(Math.abs(low - 0.273)).toBeLessThan(0.02);
    expect(low).toBeCloseTo(0.5 / scale.deviation, 2);
  });

  it("weighs every group to a mean of 1, and invalid samples not at all", () => {
    const weights = meanOneWeights([1, 2, 9, 500, 501, 502], [1, 1, 0, 1, 1, 1], { strength: 0.5, groupSize: 3 });
    expect(weights[2]).toBe(0);
    expect(weights[0]! + weights[1]!).toBeCloseTo(2, 12);
    expect(weights[1]! / weights[0]!).toBeCloseTo(Math.exp(0.5), 12);
    expect(weights[3]! + weights[4]! + weights[5]!).toBeCloseTo(3, 12);
  });

  it("stops below five effective samples", async () => {
    const error = await make({ temperature: 40 })
      .iterate()
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ rule: "effective-samples", iteration: 1 });
  });

  it("names an option that is out of range", () => {
    for (const options of [{ temperature: 0 }, { referencePenalty: -1 }, { refreshEvery: 0 }, { groupSize: 7 }]) {
      expect(() => make(options)).toThrow(/temperature|referencePenalty|refreshEvery|groups of 7/);
    }
  });
});
