import {
  type ControlPolicy,
  constantNoise,
  constructEnv,
  type DDRecord,
  type DDTensor,
  outputTypes,
  type Reward,
  ValuePolicy,
} from "@diffusiongym/core";
import { BestOfN, evaluate, type Potential, SequentialMonteCarlo, SVDD } from "@diffusiongym/methods";
import { ExactValue, type GaussianMixtureModel, makeGmm, tiltReport } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import type { PointClouds } from "../../../core/test/support/ragged.js";
import { ConditionalModel, clouds, records, sumReward } from "../support/any-data.js";
import { type Problem, s1, s1Mixture } from "../support/problems.js";
import type { Pair } from "../support/record-model.js";

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, v) => sum + v / values.length, 0);
const standardError = (values: readonly number[]): number => {
  const center = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - center) ** 2)) / (values.length - 1));
};
type Points = Potential<DDTensor, Record<string, never>>;
const exactValue = ({ environment, tilt }: Problem): ExactValue =>
  new ExactValue(tilt, (environment.baseModel as GaussianMixtureModel).scheduler);
const halfControl = (problem: Problem): ControlPolicy => {
  const { scheduler } = problem.environment.baseModel as GaussianMixtureModel;
  const inner = new ValuePolicy({ value: exactValue(problem), scheduler });
  return { control: async (x, t, conditioning) => (await inner.control(x, t, conditioning)).mul(0.5) };
};

describe("the estimate of Z", () => {
  // METHODS 4.3, T8: 100 runs of 64 particles. log Z = 1.20942 at lambda = 1.
  it.each([
    ["none", {}],
    ["endpoint", {}],
    ["max", {}],
    ["sum", { every: 10 }],
    ["the exact value", {}],
    ["endpoint under half the optimal control", {}],
  ] as const)("T8: is unbiased with the potential %s", async (name, options) => {
    const problem = await s1(50);
    const { environment, tilt } = problem;
    const potential: Points = name.startsWith("the exact")
      ? { value: exactValue(problem) }
      : (name.split(" ")[0] as "none");
    const sampler = new SequentialMonteCarlo({
      particles: 64,
      potential,
      ...options,
      ...(name.includes("control") && { proposal: { controlPolicy: halfControl(problem) } }),
    });
    const { runs, diagnostics } = await sampler.draw({ environment, n: 6400, seed: 1 });
    const ratios = runs.map(({ logZ }) => Math.exp(logZ - tilt.logNormalizer));
    expect(ratios).toHaveLength(100);
    expect(Math.abs(mean(ratios) - 1)).toBeLessThan(4 * standardError(ratios));
    expect(standardError(ratios)).toBeLessThan(name === "sum" ? 0.1 : 0.04);
    expect(diagnostics.z! / Math.exp(tilt.logNormalizer)).toBeCloseTo(mean(ratios), 6);
  });

  it("has the final effective sample sizes of METHODS 1.10: .24 without a potential, .72 with r(D)", async () => {
    const { environment } = await s1(50);
    const essOf = async (potential: "none" | "endpoint"): Promise<number> => {
      const sampler = new SequentialMonteCarlo({
        particles: 64,
        potential,
        essThreshold: potential === "none" ? 0 : 0.5,
      });
      return (await sampler.draw({ environment, n: 3200, seed: 1 })).diagnostics.ess_fraction!;
    };
    expect(Math.abs((await essOf("none")) - 0.24)).toBeLessThan(0.05);
    expect(await essOf("endpoint")).toBeGreaterThan(0.5);
  });
});

describe("a model that returns", () => {
  it.each(outputTypes)("%s: the same Z and rewards, under a proposal too", async (outputType) => {
    const problem = await s1(32);
    const { tilt } = problem;
    const model = makeGmm({ ...s1Mixture, outputType });
    const environment = constructEnv(model, problem.environment.reward, { steps: 32 });
    const sampler = new SequentialMonteCarlo({ particles: 64, proposal: { controlPolicy: halfControl(problem) } });
    const { runs, diagnostics } = await sampler.draw({ environment, n: 1920, seed: 1 });
    const ratios = runs.map(({ logZ }) => Math.exp(logZ - tilt.logNormalizer));
    expect(Math.abs(mean(ratios) - 1)).toBeLessThan(4 * standardError(ratios));
    expect(standardError(ratios)).toBeLessThan(0.04);
    expect(Math.abs(diagnostics.reward! - tilt.expectedReward)).toBeLessThan(0.15);
    const best = await new BestOfN({ candidates: 4 }).draw({ environment, n: 2000, seed: 1 });
    expect(Math.abs(mean(best.rewards) - 1.643)).toBeLessThan(0.1);
    const svdd = await new SVDD({ children: 4 }).draw({ environment, n: 200, seed: 1 });
    expect(svdd.diagnostics.reward!).toBeGreaterThan(1);
  });
});

describe("samples", () => {
  // METHODS 4.3, row "SMC K=1024".
  it("K = 1024 on S1: total variation below .05, mean reward within .15", async () => {
    const { environment, tilt } = await s1(50);
    const { latent } = await new SequentialMonteCarlo({ particles: 1024 }).draw({ environment, n: 1024, seed: 1 });
    const report = tiltReport(latent.data, tilt);
    expect(report.totalVariation).toBeLessThan(0.05);
    expect(Math.abs(report.reward.mean - report.exactReward)).toBeLessThan(0.15);
  });

  it("are the tilt's for many particles, and those of a value function have more ancestors", async () => {
    const problem = await s1(50, 3);
    const { environment, tilt } = problem;
    const drawn = async (potential: Points) =>
      new SequentialMonteCarlo({ particles: 1024, potential }).draw({ environment, n: 2048, seed: 3 });
    const endpoint = await drawn("endpoint");
    const value = await drawn({ value: exactValue(problem) });
    expect(Math.abs(endpoint.diagnostics.reward! - tilt.expectedReward)).toBeLessThan(0.15);
    expect(Math.abs(value.diagnostics.reward! - tilt.expectedReward)).toBeLessThan(0.1);
    expect(value.diagnostics.unique_ancestors!).toBeGreaterThan(1.5 * endpoint.diagnostics.unique_ancestors!);
    expect(endpoint.diagnostics.unique_ancestors!).toBeLessThan(300);
  });

  it("are the base model's with one particle, and the same whatever else is drawn", async () => {
    const { environment } = await s1(12);
    const one = await new SequentialMonteCarlo({ particles: 1 }).draw({ environment, n: 6, seed: 4 });
    const plain = await environment.sample(6, { seed: 4 });
    plain.latent.data.forEach((value, i) => {
      expect(one.latent.data[i]).toBeCloseTo(value, 4);
    });
    for (const keep of ["all", "one"] as const) {
      const options = { particles: 4, keep, essThreshold: 0.9 };
      const whole = await new SequentialMonteCarlo({ ...options, rowsAtOnce: 9 }).draw({ environment, n: 13, seed: 2 });
      const part = await new SequentialMonteCarlo(options).draw({ environment, n: 7, seed: 2, indexOffset: 3 });
      expect([...part.latent.data]).toEqual([...whole.latent.data].slice(3, 10));
      expect(whole.runs).toHaveLength(keep === "all" ? 4 : 13);
    }
  });

  it("never come from an invalid particle while there is a valid one", async () => {
    const { environment } = await s1(12);
    const reward: Reward = {
      evaluate: (sample) => ({
        rewards: sample.data.slice(),
        valids: Uint8Array.from(sample.data, (x) => (x < 0 ? 1 : 0)),
      }),
    };
    const partly = constructEnv(environment.baseModel, reward, { steps: 12 });
    const { valids, runs } = await new SequentialMonteCarlo({ particles: 32 }).draw({
      environment: partly,
      n: 320,
      seed: 1,
    });
    expect(valids.every((flag) => flag === 1)).toBe(true);
    const never: Reward = {
      evaluate: (sample) => ({ rewards: new Float32Array(sample.length), valids: new Uint8Array(sample.length) }),
    };
    const none = constructEnv(environment.baseModel, never, { steps: 12 });
    const lost = await new SequentialMonteCarlo({ particles: 4 }).draw({ environment: none, n: 4, seed: 1 });
    expect(lost.runs[0]!.logZ).toBe(Number.NEGATIVE_INFINITY);
    expect(lost.latent.length).toBe(4);
    expect(runs.every(({ uniqueAncestors }) => uniqueAncestors >= 1)).toBe(true);
  });

  it("work on records and on samples of different sizes, and in evaluate", async () => {
    const pair = constructEnv(records().model, sumReward(), { steps: 8, rewardScale: 0.5 });
    const cloud = constructEnv(clouds().model, sumReward(), { steps: 8, rewardScale: 0.5 });
    const sampler = new SequentialMonteCarlo<DDRecord<Pair>>({ particles: 32, essThreshold: 0.8 });
    const { reward } = (await sampler.draw({ environment: pair, n: 640, seed: 1 })).diagnostics;
    // Five entries, each of mean .5 under the tilt.
    expect(Math.abs(reward! - 2.5)).toBeLessThan(0.6);
    const report = await evaluate(cloud, {
      samplers: { steered: new SequentialMonteCarlo<PointClouds>({ particles: 16 }) },
      n: 160,
    });
    expect(report.samplers.steered!.custom!.reward.mean).toBeGreaterThan(0.8);
  });
});

describe("conditioning", () => {
  const environment = constructEnv(new ConditionalModel(), sumReward<DDTensor, { c: Float32Array }>(), { steps: 8 });

  it("that the model completes is that of a run's first particle", async () => {
    const { conditioning } = await new SequentialMonteCarlo<DDTensor, { c: Float32Array }>({ particles: 8 }).draw({
      environment,
      n: 64,
      seed: 1,
    });
    const c = [...conditioning.c];
    c.forEach((value, i) => {
      expect(value).toBe(c[8 * Math.floor(i / 8)]);
    });
    expect(new Set(c).size).toBeGreaterThan(2);
  });

  it("given for each sample goes with one sample a run, and is refused where a run would mix", async () => {
    const c = Float32Array.of(1, 2, 3, 4);
    const sampler = (keep: "all" | "one") =>
      new SequentialMonteCarlo<DDTensor, { c: Float32Array }>({ particles: 4, keep });
    const request = { environment, n: 4, seed: 1, conditioning: { c } };
    expect([...(await sampler("one").draw(request)).conditioning.c]).toEqual([1, 2, 3, 4]);
    await expect(sampler("all").draw(request)).rejects.toThrow("share their conditioning");
  });
});

describe("what it refuses", () => {
  it("steps without noise, a policy, and options out of range", async () => {
    const { environment } = await s1(6);
    const { baseModel, reward } = environment;
    const still = constructEnv(baseModel, reward, { steps: 6, noiseSchedule: constantNoise(0) });
    const led = environment.withPolicies({ policy: baseModel });
    const sampler = new SequentialMonteCarlo({ particles: 4 });
    await expect(sampler.draw({ environment: still, n: 4, seed: 1 })).rejects.toMatchObject({
      requirement: "stochastic steps",
    });
    await expect(sampler.draw({ environment: led, n: 4, seed: 1 })).rejects.toMatchObject({ requirement: "no policy" });
    for (const options of [
      { particles: 0 },
      { potential: "endpont" as "endpoint" },
      { every: 0 },
      { essThreshold: 2 },
      { timeRange: [0.9, 0.2] as const },
      { keep: "some" as "all" },
      { rowsAtOnce: 0 },
    ]) {
      expect(() => new SequentialMonteCarlo(options)).toThrow(Object.keys(options)[0]);
    }
  });

  it("stops on a signal", async () => {
    const { environment } = await s1(6);
    const drawn = new SequentialMonteCarlo().draw({ environment, n: 16, seed: 1, signal: AbortSignal.abort() });
    await expect(drawn).rejects.toMatchObject({ name: "AbortError" });
  });
});
