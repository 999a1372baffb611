import { constantNoise, constructEnv, type Environment, isErrorNamed } from "@diffusiongym/core";
import { Reinforce, type ReinforceOptions, train } from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (): Environment => constructEnv(model, new LinearReward(), { steps: 6, rewardScale: 0.8 });
const make = (options: Partial<ReinforceOptions> = {}): Reinforce =>
  new Reinforce({
    environment: problem(),
    policy: residualPolicy(model),
    batchSize: 32,
    iterations: 4,
    learningRate: 2e-2,
    ...options,
  });

type Plan = { readonly advantages: readonly Float64Array[] };

describe("REINFORCE", () => {
  it("keeps the promises of every method", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => make({ environment, iterations }),
      adapted: (method) => ({ policy: method.adapted }),
      refused: {
        "stochastic steps": () =>
          make({ environment: constructEnv(model, new LinearReward(), { steps: 6, noiseSchedule: constantNoise(0) }) }),
      },
    });
  });

  it("is stopped by the rules when the sign of its advantages is flipped", async () => {
    const method = make({ iterations: 300, batchSize: 128, learningRate: 5e-2 });
    const plan = Reflect.get(method, "plan") as (rollout: unknown) => Plan;
    Object.defineProperty(method, "plan", {
      value: (rollout: unknown) => {
        const made = plan.call(method, rollout);
        return { ...made, advantages: made.advantages.map((row) => row.map((value) => -value)) };
      },
    });
    const error = await train(method).catch((thrown: unknown) => thrown);
    expect(isErrorNamed(error, "TrainingAbortedError")).toBe(true);
    expect(["below-base", "diverging"]).toContain((error as { rule: string }).rule);
  });

  it("finds the tilt of a Gaussian", async () => {
    const environment = constructEnv(model, new LinearReward(), { steps: 12, rewardScale: 0.8 });
    const method = make({ environment, iterations: 200, batchSize: 256, averageDecay: 0.95 });
    await train(method);
    const { rewards } = await environment.withPolicies({ policy: method.adapted }).sample(4000, { seed: 7 });
    const mean = rewards.reduce((sum, value) => sum + value / 4000, 0);
    // N(.5, .64) tilted by .8 x: mean .5 + .8 * .64 = 1.012.
    expect(Math.abs(mean - 1.012)).toBeLessThan(0.08);
  });
});
