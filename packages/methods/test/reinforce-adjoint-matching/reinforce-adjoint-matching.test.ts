import { constantNoise, constructEnv, type Environment, isErrorNamed } from "@diffusiongym/core";
import {
  ReinforceAdjointMatching,
  type ReinforceAdjointMatchingOptions,
  type ResidualScale,
  train,
} from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";
import { s1, valueNetwork } from "../support/problems.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (rewardScale = 0.8): Environment => constructEnv(model, new LinearReward(), { steps: 8, rewardScale });
const network = () => valueNetwork(1, { width: 8, depth: 1 });

const make = (options: Partial<ReinforceAdjointMatchingOptions> = {}): ReinforceAdjointMatching =>
  new ReinforceAdjointMatching({
    environment: problem(),
    policy: residualPolicy(model, { scale: "one-minus-t" }),
    iterations: 30,
    batchSize: 64,
    noisings: 2,
    learningRate: 2e-2,
    averageDecay: 0.9,
    solverSteps: 6,
    ...(options.baseline === undefined && { rewardBaseline: network(), costBaseline: network() }),
    ...options,
  });

/** The same problem for a model of endpoints. */
function onEndpoints(scale: ResidualScale = "value-gradient") {
  const endpoints = new GaussianModel({ mean: 0.5, deviation: 0.8, outputType: "endpoint" });
  return {
    environment: constructEnv(endpoints, new LinearReward(), { steps: 8, rewardScale: 0.8 }),
    policy: residualPolicy(endpoints, { scale }),
  };
}

const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe("reinforce adjoint matching", () => {
  it("keeps the promises of every method", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => make({ environment, iterations, rolloutEvery: 3 }),
      adapted: (method) => ({ policy: method.adapted }),
      refused: {
        "a reward baseline": () =>
          new ReinforceAdjointMatching({ environment: problem(), policy: residualPolicy(model) }),
        "a cost baseline": () =>
          new ReinforceAdjointMatching({
            environment: problem(),
            policy: residualPolicy(model),
            pathCost: true,
            rewardBaseline: network(),
          }),
        "a finite control": () => make({ ...onEndpoints("one-minus-t"), pathCost: true }),
        "memoryless noise": () =>
          make({
            environment: constructEnv(model, new LinearReward(), { noiseSchedule: constantNoise(0.5), steps: 4 }),
            rolloutEvery: 1,
          }),
      },
    });
  });

  it("keeps them with path cost", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => make({ environment, iterations, pathCost: true }),
      adapted: (method) => ({ policy: method.adapted }),
    });
  });

  it("keeps them with path cost on endpoints, where the control stays finite by the policy's scale", async () => {
    const { environment } = onEndpoints();
    await checkMethod({
      environment,
      make: (given) => make({ ...onEndpoints(), ...given, pathCost: true }),
      adapted: (method) => ({ policy: method.adapted }),
    });
  });

  it("reaches the tilt with path cost on endpoints, and hardly caps a cost on the way", async () => {
    const { environment } = onEndpoints();
    // r = x, lambda = .8 on N(.5, .8^2): the tilt has the mean .5 + .8 * .64. With another scale every cost is capped.
    const method = make({
      ...onEndpoints(),
      pathCost: true,
      iterations: 200,
      batchSize: 128,
      timeRange: [0.001, 0.999],
    });
    const last = await train(method);
    expect(last!.metrics.capped_fraction).toBeLessThan(0.02);
    expect(last!.metrics.cost_mean).toBeLessThan(2);
    const { rewards } = await environment.withPolicies({ policy: method.adapted }).sample(4000, { seed: 5 });
    expect(Math.abs(rewards.reduce((sum, r) => sum + r / 4000, 0) - 1.012)).toBeLessThan(0.15);
  });

  it("keeps them as a trapezoid", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => make({ environment, iterations, trapezoid: iterations > 1 }),
      adapted: (method) => ({ policy: method.adapted }),
    });
    expect(() => make({ trapezoid: true, iterations: 1 })).toThrow("iterations");
    expect(() => make({ trapezoid: true, pathCost: true })).toThrow("choose one of the two");
  });

  it("keeps them with the mean as baseline, at a scale where that is stable", async () => {
    await checkMethod({
      environment: problem(0.25),
      make: ({ environment, iterations }) => make({ environment, iterations, baseline: "mean" }),
      adapted: (method) => ({ policy: method.adapted }),
      n: 4096,
    });
  });

  it.each([
    ["mean", "none"],
    ["none", "none"],
    ["mean", "std"],
  ] as const)(
    "A3, rule 3: refuses baseline %s, normalization %s on S1 at lambda = 1",
    async (baseline, normalization) => {
      const { environment } = await s1(8);
      const policy = residualPolicy(environment.baseModel);
      const method = make({ environment, policy, baseline, normalization, batchSize: 256 });
      const error = await caught(train(method));
      expect(error).toMatchObject({ requirement: "a stable baseline" });
      expect((error as Error).message).toContain("1 + lambda (r - b)");
      expect(method.iteration).toBe(0);
    },
  );

  it("stops when an iteration that began stable no longer is", async () => {
    const { environment } = await s1(8, 0.28);
    const policy = residualPolicy(environment.baseModel);
    const method = make({ environment, policy, baseline: "mean", batchSize: 64, iterations: 600, learningRate: 1e-2 });
    const error = await caught(train(method));
    expect(isErrorNamed(error, "TrainingAbortedError")).toBe(true);
    expect(error).toMatchObject({ rule: "stability" });
    expect(method.policy.parameters.data.every(Number.isFinite)).toBe(true);
  });

  it("names an option that is out of range", () => {
    for (const options of [
      { baseline: "median" as "mean" },
      { maxCost: 0 },
      { groupSize: -1 },
      { rolloutEvery: 0.5 },
    ]) {
      expect(() => make(options)).toThrow(Object.keys(options)[0]);
    }
  });
});
