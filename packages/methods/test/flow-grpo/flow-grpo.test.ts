import { constantNoise, constructEnv, type Environment, type Reward } from "@diffusiongym/core";
import { FlowGRPO, type FlowGRPOOptions, train } from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { recordingOptimizer } from "../policy-gradient/losses.js";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (reward: Reward = new LinearReward(), rewardScale = 0.8): Environment =>
  constructEnv(model, reward, { steps: 6, rewardScale });
const make = (options: Partial<FlowGRPOOptions> = {}): FlowGRPO =>
  new FlowGRPO({
    environment: problem(),
    policy: residualPolicy(model),
    batchSize: 32,
    iterations: 4,
    learningRate: 2e-2,
    ...options,
  });

/** x plus a number for each group of eight, which samples of a group share. */
const shifted = (shifts: readonly number[]): Reward => ({
  evaluate: (sample) => ({
    rewards: sample.data.map((value, i) => value + shifts[Math.floor(i / 8)]!),
    valids: new Uint8Array(sample.length).fill(1),
  }),
});

describe("Flow-GRPO", () => {
  it("keeps the promises of every method", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => make({ environment, iterations, groupSize: 16, innerEpochs: 2 }),
      adapted: (method) => ({ policy: method.adapted }),
      refused: {
        "stochastic steps": () =>
          make({ environment: constructEnv(model, new LinearReward(), { steps: 6, noiseSchedule: constantNoise(0) }) }),
      },
    });
  });

  it("keeps them in the published form", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => make({ environment, iterations, klForm: "flow-grpo", averageDecay: 0.8 }),
      adapted: (method) => ({ policy: method.adapted }),
    });
  });

  it("compares samples of a group with each other only", async () => {
    const gradientOf = async (shifts: readonly number[], groupSize: number): Promise<Float32Array> => {
      const { seen, optimizer } = recordingOptimizer(0.01);
      await make({ environment: problem(shifted(shifts)), optimizer, groupSize, maxGradientNorm: 1e9 }).iterate();
      return seen[0]!.gradients;
    };
    const [same, moved] = [await gradientOf([0, 0, 0, 0], 8), await gradientOf([5, -3, 1, 0], 8)];
    same.forEach((value, i) => {
      expect(Math.abs(value - moved[i]!)).toBeLessThan(1e-4);
    });
    const whole = await gradientOf([5, -3, 1, 0], 0);
    expect(Math.max(...whole.map((value, i) => Math.abs(value - same[i]!)))).toBeGreaterThan(1e-2);
  });

  it("says how many groups had nothing to say, and what lambda the loss amounts to", async () => {
    const flat: Reward = {
      evaluate: (sample) => ({
        rewards: sample.data.map((value, i) => (i < 8 ? 1 : value)),
        valids: new Uint8Array(sample.length).fill(1),
      }),
    };
    const exact = await make({ environment: problem(flat), groupSize: 8 }).iterate();
    expect(exact.zero_std_fraction).toBe(0.25);
    expect(exact.lambda_eff).toBeCloseTo(0.8, 6);
    const divided = await make({ environment: problem(flat), groupSize: 8, normalization: "std" }).iterate();
    expect(divided.lambda_eff).toBeCloseTo(0.8 / divided.group_reward_std!, 6);
    const published = await make({ klForm: "flow-grpo" }).iterate();
    // Six steps from 1/7 to 1: the KL counts 1/7 of what it is.
    expect(published.lambda_eff).toBeCloseTo((0.8 * 7) / published.group_reward_std!, 4);
  });

  it("is stopped by its own rule when the KL is missing from the loss", async () => {
    const method = make({ iterations: 300, batchSize: 64, learningRate: 1e-2, klToGo: false });
    const plan = Reflect.get(method, "plan") as (rollout: unknown) => object;
    Object.defineProperty(method, "plan", {
      value: (rollout: unknown) => ({ ...plan.call(method, rollout), costs: undefined }),
    });
    expect(await train(method).catch((thrown: unknown) => thrown)).toMatchObject({ rule: "objective" });
  });

  it("finds the tilt of a Gaussian with KL to go, and stays near it", async () => {
    const environment = constructEnv(model, new LinearReward(), { steps: 12, rewardScale: 0.8 });
    const method = make({ environment, iterations: 200, batchSize: 256, learningRate: 2e-2, averageDecay: 0.95 });
    await train(method);
    const { rewards } = await environment.withPolicies({ policy: method.adapted }).sample(4000, { seed: 7 });
    const mean = rewards.reduce((sum, value) => sum + value / 4000, 0);
    // N(.5, .64) tilted by .8 x: mean .5 + .8 * .64 = 1.012.
    expect(Math.abs(mean - 1.012)).toBeLessThan(0.08);
  });

  it("names an option that is out of range", () => {
    for (const options of [
      { klForm: "exakt" as "exact" },
      { normalization: "sd" as "std" },
      { advantageClip: -1 },
      { groupSize: 5 },
      { skipLastSteps: 6 },
    ]) {
      expect(() => make(options)).toThrow(Object.keys(options)[0]);
    }
  });
});
