import {
  constantNoise,
  constructEnv,
  DDTensor,
  type Environment,
  isErrorNamed,
  type NoConditioning,
  Tensor,
} from "@diffusiongym/core";
import {
  costsToGo,
  LogVariance,
  type LogVarianceOptions,
  type PolicyCotangents,
  rollOut,
  type TrainablePolicy,
  train,
} from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { Parameters } from "@diffusiongym/nn";
import { type ExactTilt, type GaussianMixtureModel, LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";
import { s1, valueNetwork } from "../support/problems.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (): Environment => constructEnv(model, new LinearReward(), { steps: 6, rewardScale: 0.8 });
const make = (options: Partial<LogVarianceOptions> = {}): LogVariance =>
  new LogVariance({
    environment: problem(),
    policy: residualPolicy(model),
    batchSize: 32,
    iterations: 4,
    learningRate: 2e-2,
    ...options,
  });
const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

/** The exact optimal output, as a policy that does not learn. */
class OptimalPolicy implements TrainablePolicy<DDTensor, NoConditioning> {
  readonly outputType = "velocity";
  readonly isDifferentiable = false;
  readonly parameters = new Parameters([{ name: "none", shape: [1] }]);
  readonly gradients = new Parameters([{ name: "none", shape: [1] }]);

  constructor(
    private readonly tilt: ExactTilt,
    private readonly scheduler: GaussianMixtureModel["scheduler"],
  ) {}

  async forward(x: DDTensor, t: Float32Array): Promise<DDTensor> {
    const n = x.length;
    const out = new Float32Array(n);
    for (let from = 0; from < n; ) {
      let to = from;
      while (to < n && t[to] === t[from]) to++;
      out.set(this.tilt.optimalOutput("velocity", x.data.subarray(from, to), this.scheduler, t[from]!), from);
      from = to;
    }
    return new DDTensor(new Tensor(out, x.shape));
  }

  async backward({ x, t }: PolicyCotangents<DDTensor, NoConditioning>) {
    return { output: await this.forward(x, t) };
  }

  async regress(): Promise<never> {
    throw new Error("unused");
  }

  async vjp(): Promise<never> {
    throw new Error("unused");
  }

  withParameters(): this {
    return this;
  }

  describe(): null {
    return null;
  }
}

describe("log-variance", () => {
  it("keeps the promises of every method", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => make({ environment, iterations, replaySize: 2, updatesPerRollout: 2 }),
      adapted: (method) => ({ policy: method.adapted }),
      refused: {
        "stochastic steps": () =>
          make({ environment: constructEnv(model, new LinearReward(), { steps: 6, noiseSchedule: constantNoise(0) }) }),
        "memoryless noise": () =>
          make({ environment: constructEnv(model, new LinearReward(), { steps: 6, noiseSchedule: constantNoise(1) }) }),
      },
    });
  });

  it.each([
    ["a scalar", { normalizer: "scalar", behaviour: "base" }],
    ["a network of the start", { normalizer: "start" }],
  ] as const)("keeps them as trajectory balance with %s", async (_, options) => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => {
        const start = options.normalizer === "start" ? { startValue: valueNetwork(1, { width: 8, depth: 1 }) } : {};
        return make({ environment, iterations, ...options, ...start });
      },
      adapted: (method) => ({ policy: method.adapted }),
    });
  });

  // METHODS 4.3, T7.
  it("T7: at the exact control of S1 the loss is the squared spread of the martingale target", async () => {
    const { environment, tilt } = await s1(50);
    const policy = new OptimalPolicy(tilt, (environment.baseModel as GaussianMixtureModel).scheduler);
    const n = 4000;
    const method = new LogVariance({ environment, policy, batchSize: n, iterations: 1, seed: 3 });
    const metrics = await method.iterate();
    const rollout = await rollOut({ environment, policy, n, seed: 3, indexOffset: n, keep: ["noises"] });
    // The values of T5: V(x_0) is -log Z for all x_0, so their spread there is the noise of the target.
    const target = costsToGo(
      {
        terminal: rollout.rewards.map((reward) => -reward),
        dts: rollout.transitions.map(() => 1),
        runningCosts: rollout.klSteps,
        controlNoise: rollout.controlNoise,
      },
      "martingale",
    )[0]!;
    const mean = target.reduce((sum, value) => sum + value / n, 0);
    const variance = target.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
    expect(Math.abs(metrics.loss! - variance)).toBeLessThan(1e-3 * variance);
    // T5: below .22, and -log Z = -1.209 as N grows, -1.19 at N = 50.
    expect(Math.sqrt(variance)).toBeLessThan(0.22);
    expect(Math.abs(mean + 1.19)).toBeLessThan(0.02);
    expect(metrics.log_z!).toBeCloseTo(-mean, 3);
  });

  it.each(["batch", "scalar"] as const)("finds the tilt of a Gaussian, and log Z (%s)", async (normalizer) => {
    const environment = constructEnv(model, new LinearReward(), { steps: 12, rewardScale: 0.8 });
    const method = make({ environment, iterations: 150, batchSize: 128, averageDecay: 0.95, normalizer });
    const last = await train(method);
    const { rewards } = await environment.withPolicies({ policy: method.adapted }).sample(4000, { seed: 7 });
    const mean = rewards.reduce((sum, value) => sum + value / 4000, 0);
    // N(.5, .64) tilted by .8 x: mean .5 + .8 * .64 = 1.012, log Z = .4 + .2048.
    expect(Math.abs(mean - 1.012)).toBeLessThan(0.08);
    expect(Math.abs(last!.metrics.log_z! - 0.6048)).toBeLessThan(0.05);
    expect(last!.metrics.loss).toBeLessThan(0.02);
  });

  it("learns from the base model's paths alone, and from replayed ones", async () => {
    const environment = constructEnv(model, new LinearReward(), { steps: 12, rewardScale: 0.8 });
    const method = make({
      environment,
      iterations: 60,
      batchSize: 128,
      behaviour: "base",
      updatesPerRollout: 3,
      replaySize: 4,
      averageDecay: 0.95,
    });
    const last = await train(method);
    // Rewards are those of the base model's samples.
    expect(Math.abs(last!.metrics.reward! - 0.5)).toBeLessThan(0.3);
    expect(last!.metrics.kl_path).toBeUndefined();
    const { rewards } = await environment.withPolicies({ policy: method.adapted }).sample(4000, { seed: 7 });
    expect(Math.abs(rewards.reduce((sum, value) => sum + value / 4000, 0) - 1.012)).toBeLessThan(0.08);
  });

  it("notices that a rollout was made by another policy", async () => {
    const method = make();
    const stale = method.policy.withParameters(method.policy.parameters.clone());
    const roll = Reflect.get(method, "rollOutBatch") as (signal: undefined, request: object) => Promise<unknown>;
    Object.defineProperty(method, "rollOutBatch", {
      value: (signal: undefined, request: object) => roll.call(method, signal, { ...request, policy: stale }),
    });
    await method.iterate();
    const error = await caught(method.iterate());
    expect(isErrorNamed(error, "TrainingAbortedError")).toBe(true);
    expect(error).toMatchObject({ rule: "stale-rollout" });
  });

  it("names an option that is out of range", () => {
    for (const options of [
      { behaviour: "polic" as "policy" },
      { normalizer: "bach" as "batch" },
      { normalizer: "start" as const },
      { normalizerRate: 2 },
      { startLearningRate: 0 },
      { updatesPerRollout: 2 },
      { replaySize: -1 },
      { groupSize: 5 },
    ]) {
      expect(() => make(options)).toThrow();
    }
    expect(() => make({ startValue: valueNetwork(1) })).toThrow("startValue");
    expect(() => make({ updatesPerRollout: 2 })).toThrow("replaySize");
  });
});
