import {
  type ControlPolicy,
  constantNoise,
  constructEnv,
  type Environment,
  RandomKey,
  type Reward,
  ValuePolicy,
} from "@diffusiongym/core";
import {
  drawEndpoints,
  evaluate,
  evaluationSeed,
  evaluationTable,
  meanPairwiseDistance,
  SequentialMonteCarlo,
} from "@diffusiongym/methods";
import { ExactValue, type GaussianMixtureModel, LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { PointClouds } from "../../../core/test/support/ragged.js";
import { exactAnswer } from "../support/exact-answer.js";
import { GaussianModel } from "../support/gaussian-model.js";
import { lineNetwork, residualPolicy } from "../support/policies.js";
import { fourModes, type Problem, s1 } from "../support/problems.js";

/** The exact control, times a factor. */
function exactControl({ environment, tilt }: Problem, factor = 1): ControlPolicy {
  const { scheduler } = environment.baseModel as GaussianMixtureModel;
  const inner = new ValuePolicy({ value: new ExactValue(tilt, scheduler), scheduler });
  return {
    control: async (x, t, conditioning) => (await inner.control(x, t, conditioning)).mul(factor),
  };
}

// METHODS 4.5, A8: weights of paths are exact whatever the control; at the optimum they are nearly equal.
describe("A8: path weights", () => {
  it.each([
    ["S1", s1, 0.974],
    ["four modes", fourModes, 0.965],
  ] as const)("%s: the exact control in 64 steps has the path ESS of the table, to .005", async (_, make, expected) => {
    const problem = await make(64);
    const { samplers } = await evaluate(problem.environment, {
      samplers: { exact: { controlPolicy: exactControl(problem) } },
      n: 24_000,
      ode: false,
    });
    const { sde } = samplers.exact!;
    expect(Math.abs(sde!.pathEss! - expected)).toBeLessThan(0.005);
    expect(Math.abs(sde!.reward.mean - problem.tilt.expectedReward)).toBeLessThan(0.05);
  });

  it("half of the control and none have less: about .65 and .23 on S1", async () => {
    const problem = await s1(64);
    const { samplers } = await evaluate(problem.environment, {
      samplers: { half: { controlPolicy: exactControl(problem, 0.5) }, base: {} },
      n: 8000,
      ode: false,
    });
    expect(Math.abs(samplers.half!.sde!.pathEss! - 0.65)).toBeLessThan(0.05);
    expect(Math.abs(samplers.base!.sde!.pathEss! - 0.23)).toBeLessThan(0.02);
    expect(samplers.base!.sde!.pathEss).toBeCloseTo(samplers.base!.sde!.rewardEss, 10);
    expect(samplers.base!.sde!.klPath.mean).toBe(0);
  });
});

describe("A10: the evaluator", () => {
  it("scores the exact field as exact, by its ODE and by its samples", async () => {
    const problem = await s1(32);
    const { samplers } = await evaluate(problem.environment, {
      samplers: { exact: { controlPolicy: exactControl(problem) } },
      n: 4000,
      exact: exactAnswer(problem.tilt),
    });
    const { sde, ode } = samplers.exact!;
    expect(Math.abs(ode!.exact.achieved_lambda! - 1)).toBeLessThan(0.005);
    expect(ode!.exact.r_squared).toBeGreaterThan(0.999);
    expect(ode!.exact.kl_to_tilt).toBeLessThan(1e-3);
    expect(ode!.exact.total_variation).toBeLessThan(0.02);
    expect(sde!.exact.total_variation).toBeLessThan(0.03);
    expect(Math.abs(ode!.reward.mean - problem.tilt.expectedReward)).toBeLessThan(4 * ode!.reward.standardError);
  });
});

describe("a report", () => {
  const model = new GaussianModel({ mean: 1, deviation: 0.5 });
  const environment: Environment = constructEnv(model, new LinearReward(), { steps: 8, rewardScale: 0.5 });
  const policy = residualPolicy(model, { definition: lineNetwork() });
  policy.parameters.data.set([0, 0.5]);

  it("has rewards, held-out rewards, diversity, costs, and custom samplers, and makes a table", async () => {
    const opposite: Reward = {
      evaluate: (sample) => ({
        rewards: sample.data.map((x) => -x),
        valids: Uint8Array.from(sample.data, (x) => (x > 0 ? 1 : 0)),
      }),
    };
    const evaluation = await evaluate(environment, {
      samplers: {
        base: {},
        adapted: { policy },
        flow: { draw: (request) => drawEndpoints({ ...request, solver: "rk4", steps: 10 }) },
      },
      heldOut: { opposite },
      n: 1000,
    });
    const { base, adapted, flow } = evaluation.samplers;
    expect(adapted!.sde!.reward.mean - base!.sde!.reward.mean).toBeGreaterThan(0.1);
    expect(adapted!.sde!.heldOut.opposite!.mean).toBeLessThan(base!.sde!.heldOut.opposite!.mean);
    expect(base!.sde!.heldOut.opposite!.count).toBeLessThan(1000);
    const sample = await environment.withPolicies({ policy }).sample(1000, { seed: evaluationSeed(0) });
    expect(adapted!.sde!.reward.mean).toBeCloseTo(
      sample.rewards.reduce((sum, r) => sum + r / 1000, 0),
      5,
    );
    expect(adapted!.sde!.klPath.mean).toBeCloseTo(
      sample.pathCosts.reduce((sum, c) => sum + c / 1000, 0),
      5,
    );
    // The mean distance of two draws of N(m, s^2) is 2 s / sqrt(pi).
    expect(Math.abs(flow!.custom!.diversity! - (2 * 0.5) / Math.sqrt(Math.PI))).toBeLessThan(0.05);
    expect(flow!.sde).toBeUndefined();
    expect(flow!.custom!.diagnostics).toEqual({});
    const table = evaluationTable(evaluation).split("\n");
    expect(table).toHaveLength(2 + 5);
    expect(table[0]).toContain("| sampler | reward | valid | path KL | path ESS | diversity | opposite |");
    expect(table[3]).toMatch(/^\| base, ODE \|/);
  });

  it("does not depend on how the samples are batched", async () => {
    const options = { samplers: { adapted: { policy } }, n: 100 };
    expect(await evaluate(environment, { ...options, batchSize: 33 })).toEqual(await evaluate(environment, options));
  });

  it("keeps what a sampler says of its draw: log Z, effective samples, calls", async () => {
    const particles = new SequentialMonteCarlo({ particles: 64 });
    const evaluation = await evaluate(environment, { samplers: { particles }, n: 640, seed: 3 });
    const { diagnostics } = evaluation.samplers.particles!.custom!;
    const drawn = await particles.draw({ environment, n: 640, seed: evaluationSeed(3) });
    expect(diagnostics).toEqual(drawn.diagnostics);
    expect(diagnostics.z).toBeCloseTo(Math.exp(diagnostics.log_z!), 12);
    // log E[exp(.5 x)] of N(1, .5^2).
    expect(Math.abs(diagnostics.log_z! - (0.5 + 0.5 * 0.25 * 0.25))).toBeLessThan(0.1);
    expect(diagnostics.ess_fraction).toBeGreaterThan(0.5);
    const [header, , row] = evaluationTable(evaluation).split("\n");
    expect(header).toMatch(/\| log_z \| z \| ess_fraction \| unique_ancestors \| resamplings \|$/);
    expect(header!.match(/ reward \|/g)).toHaveLength(1);
    expect(row!.split("|")).toHaveLength(header!.split("|").length);
  });

  it("draws noise that a training of the same seed has not seen", async () => {
    const { samplers } = await evaluate(environment, { samplers: { base: {} }, n: 100, ode: false });
    const seen = await environment.sample(100);
    const mean = seen.rewards.reduce((sum, r) => sum + r / 100, 0);
    expect(Math.abs(samplers.base!.sde!.reward.mean - mean)).toBeGreaterThan(1e-3);
    const seeds = [0, 1, 2, Number.MAX_SAFE_INTEGER].map(evaluationSeed);
    expect(new Set([...seeds, 0, 1, 2]).size).toBe(7);
    expect(evaluationSeed(0)).toBe(seeds[0]);
  });

  it("has no path ESS without noise", async () => {
    const silent = constructEnv(model, new LinearReward(), { steps: 8, noiseSchedule: constantNoise(0) });
    const { samplers } = await evaluate(silent, { samplers: { adapted: { policy } }, n: 20, ode: false });
    expect(samplers.adapted!.sde!.pathEss).toBeUndefined();
    expect(samplers.adapted!.sde!.klPath.mean).toBeGreaterThan(0);
  });

  it("leaves diversity out where samples differ in structure", () => {
    expect(meanPairwiseDistance(PointClouds.zeros([1, 2, 3]), RandomKey.fromSeed(1).stream())).toBeUndefined();
    expect(meanPairwiseDistance(PointClouds.zeros([2, 2]), RandomKey.fromSeed(1).stream())?.mean).toBe(0);
  });
});
