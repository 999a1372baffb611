import { constantNoise, constructEnv, type Environment, isErrorNamed } from "@diffusiongym/core";
import { DDPO, type DDPOOptions, RewardHistory, train } from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (): Environment => constructEnv(model, new LinearReward(), { steps: 6 });
const make = (options: Partial<DDPOOptions> = {}): DDPO =>
  new DDPO({
    environment: problem(),
    policy: residualPolicy(model),
    batchSize: 32,
    iterations: 4,
    learningRate: 2e-2,
    ...options,
  });
const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe("DDPO", () => {
  it("keeps the promises of every method", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) =>
        make({
          environment,
          iterations,
          groupSize: 8,
          innerEpochs: 2,
          minibatches: 2,
          averageDecay: 0.8,
          learningRate: 5e-3,
        }),
      adapted: (method) => ({ policy: method.adapted }),
      refused: {
        "stochastic steps": () =>
          make({ environment: constructEnv(model, new LinearReward(), { steps: 6, noiseSchedule: constantNoise(0) }) }),
      },
    });
  });

  it("has no regulariser: it leaves the data, and stops itself at a path KL", async () => {
    const error = await caught(train(make({ iterations: 400, learningRate: 5e-2, batchSize: 64, maxKlPath: 8 })));
    expect(isErrorNamed(error, "TrainingAbortedError")).toBe(true);
    expect((error as { rule: string }).rule).toBe("kl-path");
  });

  it("notices that a rollout was made by another policy", async () => {
    const method = make({ iterations: 5 });
    const stale = method.policy.withParameters(method.policy.parameters.clone());
    const rollOut = Reflect.get(method, "rollOutBatch") as (signal: undefined, request: object) => Promise<unknown>;
    Object.defineProperty(method, "rollOutBatch", {
      value: (signal: undefined, request: object) => rollOut.call(method, signal, { ...request, policy: stale }),
    });
    // The first rollout is the policy's own.
    await method.iterate();
    expect(await caught(method.iterate())).toMatchObject({ rule: "stale-rollout" });
    expect(method.iteration).toBe(1);
  });

  it("reports ratios of 1 in a first update, and others in a second", async () => {
    expect(await make().iterate()).toMatchObject({ approx_kl: 0, clip_fraction_up: 0, clip_fraction_down: 0 });
    const again = await make({ innerEpochs: 3, learningRate: 0.2 }).iterate();
    expect(again.approx_kl).toBeGreaterThan(1e-4);
    expect(again.clip_fraction_up! + again.clip_fraction_down!).toBeGreaterThan(0);
    // Standardised over the batch.
    expect(again.advantage_std).toBeCloseTo(1, 2);
  });

  it("of the reward scale only the sign counts", async () => {
    const end = async (rewardScale: number): Promise<number[]> => {
      const environment = constructEnv(model, new LinearReward(), { steps: 6, rewardScale });
      const method = make({ environment, iterations: 3 });
      await train(method);
      return [...method.policy.parameters.data];
    };
    expect(await end(2)).toEqual(await end(0.1));
    expect(await end(2)).not.toEqual(await end(-2));
  });

  it("names an option that is out of range", () => {
    for (const options of [
      { estimator: "scor" as "score" },
      { advantageClip: 0 },
      { historySize: -1 },
      { leastHistory: 0 },
      { groupSize: 5 },
    ]) {
      expect(() => make(options)).toThrow(Object.keys(options)[0]);
    }
    expect(() => make({ estimator: "score", minibatches: 2 })).toThrow("score");
  });
});

describe("reward history", () => {
  const all = (n: number): Uint8Array => new Uint8Array(n).fill(1);

  it("judges a group by the whole batch until it has remembered enough, then by its own", () => {
    const history = new RewardHistory({ groupSize: 2, historySize: 4, leastHistory: 4, clip: 5 });
    const first = history.standardize(Float32Array.of(0, 2, 10, 12), all(4));
    const std = Math.sqrt((36 + 16 + 16 + 36) / 4) + 1e-4;
    expect(first[0]).toBeCloseTo(-6 / std, 6);
    expect(first[3]).toBeCloseTo(6 / std, 6);
    const second = history.standardize(Float32Array.of(0, 2, 10, 12), all(4));
    [-1, 1, -1, 1].forEach((value, i) => {
      expect(second[i]).toBeCloseTo(value / 1.0001, 5);
    });
    const copy = new RewardHistory({ groupSize: 2, historySize: 4, leastHistory: 4, clip: 5 });
    copy.restore(history.state());
    const next = Float32Array.of(1, 3, 4, 4);
    expect([...copy.standardize(next, all(4))]).toEqual([...history.standardize(next, all(4))]);
    // Only the last four count: 0, 2, 1, 3.
    expect(history.state()[0]).toEqual([0, 2, 1, 3]);
  });

  it("clips, leaves invalid samples out, and gives 0 where all rewards are alike", () => {
    const history = new RewardHistory({ groupSize: 0, historySize: 32, leastHistory: 16, clip: 1.5 });
    const values = history.standardize(Float32Array.of(0, 0, 0, 0, 0, 9, 1000), Uint8Array.of(1, 1, 1, 1, 1, 1, 0));
    expect(values[5]).toBe(1.5);
    expect(values[6]).toBe(0);
    expect([...history.standardize(Float32Array.of(3, 3), all(2))]).toEqual([0, 0]);
  });
});
