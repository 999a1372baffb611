import { constructEnv, DDTensor, type Environment, outputTypes, RandomKey, Trigonometric } from "@diffusiongym/core";
import {
  explicitTarget,
  implicitTarget,
  measureDrift,
  noiseEndpoints,
  TiltMatching,
  type TiltMatchingOptions,
} from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (rewardScale = 0.8): Environment => constructEnv(model, new LinearReward(), { steps: 8, rewardScale });

const make = (options: Partial<TiltMatchingOptions> = {}): TiltMatching =>
  new TiltMatching({
    environment: problem(),
    policy: residualPolicy(model),
    iterations: 30,
    basePoolSize: 512,
    poolSize: 256,
    batchSize: 64,
    noisings: 2,
    learningRate: 2e-2,
    averageDecay: 0.9,
    solverSteps: 6,
    ...options,
  });

describe("tilt matching", () => {
  it.each(["implicit", "explicit"] as const)("keeps the promises of every method, %s", async (form) => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => make({ environment, iterations, form, rounds: Math.min(2, iterations) }),
      adapted: (method) => ({ policy: method.adapted }),
    });
  });

  it("says what each step promised, and how far the next pool missed it", async () => {
    const method = make({ iterations: 60, rounds: 2 });
    const rows = [];
    while (method.iteration < method.iterations) {
      rows.push(await method.iterate());
    }
    expect(rows[0]!.lambda).toBeCloseTo(0.4, 10);
    expect(rows[59]!.lambda).toBeCloseTo(0.8, 10);
    // N(0.5, 0.8^2) tilted by 0.4 x has the mean 0.5 + 0.4 * 0.64.
    expect(Math.abs(rows[0]!.reward_expected! - 0.756)).toBeLessThan(4 * rows[0]!.reward_expected_error!);
    expect(rows[0]!.inherited_error).toBeUndefined();
    expect(Math.abs(rows[59]!.inherited_error!)).toBeLessThan(5);
    expect(rows[0]!.rounds_suggested).toBe(1);
    expect(rows[0]!.drift).toBeUndefined();
    // What the first step has fitted is near the velocity of its own endpoints.
    expect(Math.abs(rows[30]!.drift!)).toBeLessThan(0.3 + 3 * rows[30]!.drift_error!);
    expect(rows[59]!.drift).toBe(rows[30]!.drift);
    // ESS of exp(h x) on N(m, s^2) is exp(-h^2 s^2) of the pool.
    expect(Math.abs(rows[0]!.ess_fraction! - Math.exp(-0.16 * 0.64))).toBeLessThan(0.05);
    // The learning rate starts anew.
    expect(rows[29]!.learning_rate).toBeLessThan(1e-3);
    expect(rows[30]!.learning_rate).toBeCloseTo(2e-2, 6);
  });

  it.each(outputTypes)(
    "%s: measures by how much of its change a policy misses the law that it draws",
    async (outputType) => {
      const scheduler = new Trigonometric();
      const of = (mean: number) => new GaussianModel({ mean, deviation: 0.5, outputType, scheduler });
      const [base, old] = [of(0), of(1)];
      // Laws that differ in their mean have velocities whose difference is proportional to it.
      for (const [mean, expected] of [
        [1, 0],
        [1.5, 0.5],
        [0.7, -0.3],
      ] as const) {
        const n = 8000;
        const x1 = DDTensor.randn(n, [1], RandomKey.fromSeed(1).streams()).mul(0.5).add(mean);
        const noised = noiseEndpoints({ model: base, x1, key: RandomKey.fromSeed(2), timeRange: [0.05, 0.95] });
        const rows = { ...noised, conditioning: {}, base: { baseOutput: () => base.forward(noised.xt, noised.t) } };
        const { drift, drift_error } = await measureDrift({ model: base, old, chunks: [rows] });
        expect(Math.abs(drift! - expected)).toBeLessThan(4 * drift_error!);
        expect(drift_error).toBeLessThan(0.05);
      }
    },
  );

  it("names an option that is out of range", () => {
    for (const options of [{ form: "both" as "implicit" }, { rounds: 0 }, { noisings: 0 }, { basePoolSize: 1 }]) {
      expect(() => make(options)).toThrow(Object.keys(options)[0]);
    }
    expect(() => make({ rounds: 31 })).toThrow("leave nothing");
    expect(() => make({ timeRange: [0.5, 0.2] })).toThrow("timeRange");
  });
});

// METHODS 4.5, A9: u = 1, -1 with r = 1, 0, so that velocities are numbers; h = 0.8.
describe("A9: two points", () => {
  const step = 0.8;
  const points = DDTensor.from([1, -1], [2, 1]);
  const rewards = [1, 0];
  const both = (value: number): DDTensor => DDTensor.from([value, value], [2, 1]);
  const mean = (target: DDTensor): number => (target.data[0]! + target.data[1]!) / 2;

  /** The number that equals the mean of its own targets: their mean is affine in it. */
  const fixedPoint = (old: number, c: number): number => {
    const weights = rewards.map((reward) => Math.exp(step * (reward - c)));
    const at = (value: number): number =>
      mean(implicitTarget({ old: both(old), conditional: points }, both(value), weights));
    const slope = at(1) - at(0);
    return at(0) / (1 - slope);
  };

  it("implicit: exact for any c when the old velocity is, and inherits its error divided by E[w] when not", () => {
    const exact = (Math.exp(step) - 1) / (Math.exp(step) + 1);
    expect(exact).toBeCloseTo(0.379949, 6);
    expect(fixedPoint(0, 0)).toBeCloseTo(0.379949, 6);
    expect(fixedPoint(0, 0.5)).toBeCloseTo(0.379949, 6);
    expect(fixedPoint(0.3, 0)).toBeCloseTo(0.565964, 6);
    expect(fixedPoint(0.3, 0.5)).toBeCloseTo(0.657451, 6);
  });

  it("explicit: h Cov(r, u), which is more than the tilt for small h and not it", () => {
    const target = explicitTarget(
      { old: both(0), conditional: points },
      rewards.map((reward) => step * (reward - 0.5)),
    );
    expect(mean(target)).toBeCloseTo(0.4, 6);
  });
});
