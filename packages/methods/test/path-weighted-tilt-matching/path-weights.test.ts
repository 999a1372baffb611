import { DDTensor, type NoConditioning } from "@diffusiongym/core";
import {
  ladderLevel,
  mixturePoolWeights,
  pathPoolWeights,
  rollOut,
  type TrainablePolicy,
  type WeighedPool,
} from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import { fourModes, type Problem, s1 } from "../support/problems.js";

/** The base model plus a share of the exact control, as a policy that only acts. */
function controlled({ environment, tilt }: Problem, share: number): TrainablePolicy<DDTensor, NoConditioning> {
  const scheduler = environment.scheduler as never;
  return {
    forward: async (x: DDTensor, t: Float32Array) => {
      const base = await environment.baseModel.forward(x, t, {});
      const optimal = tilt.optimalOutput("velocity", Float64Array.from(x.data), scheduler, t[0]!);
      return base.linearCombination(1 - share, [[share, DDTensor.from(Array.from(optimal), x.shape)]]);
    },
  } as unknown as TrainablePolicy<DDTensor, NoConditioning>;
}

const total = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0);

describe("A8: path weights", () => {
  it.each([
    ["S1, lambda = 1", () => s1(64), 0.974, 8192],
    ["four modes, lambda = .5", () => fourModes(64), 0.965, 8192],
  ] as const)("%s: exact, whatever the control", async (_, problemOf, expected, n) => {
    const problem = await problemOf();
    const { environment } = problem;
    const means: { mean: number; standardError: number }[] = [];
    for (const share of [0, 0.5, 1]) {
      const policy = controlled(problem, share);
      const rollout = await rollOut({ environment, policy, n, seed: 17, indexOffset: Math.round(4 * share) * n });
      const { rewards, valids } = rollout;
      const logRatio = Float32Array.from(rollout.logRatio);
      const { ess, means: own } = pathPoolWeights(
        { pools: [{ rewards, valids, logRatio }], conditions: 1 },
        environment.rewardScale,
      );
      means.push(own[0]!);
      if (share === 1) {
        expect(Math.abs(ess[0]! / n - expected)).toBeLessThan(0.005);
      }
      // E[exp(-L)] = 1; at the optimum its variance is that of exp(lambda r) under the tilt, so it is judged by its own error.
      const inverse = rollout.logRatio.map((value) => Math.exp(-value));
      const mean = total(inverse) / n;
      const error = Math.sqrt(total(inverse.map((value) => (value - mean) ** 2)) / n / n);
      expect(Math.abs(mean - 1)).toBeLessThan(4 * error + 1e-6);
    }
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      const error = Math.hypot(means[a]!.standardError, means[b]!.standardError);
      expect(Math.abs(means[a]!.mean - means[b]!.mean)).toBeLessThan(4 * error);
    }
  });
});

/** N(shift, 1) by its quantiles: the tilt of N(0, 1) by shift, rewards being the points themselves. */
function normalPool(shift: number, n: number): WeighedPool {
  const rewards = Float32Array.from({ length: n }, (_, i) => {
    // Box-Muller on a lattice is normal enough.
    const radius = Math.sqrt(-2 * Math.log((i + 0.5) / n));
    return shift + radius * Math.cos(2 * Math.PI * ((i * 0.618034) % 1));
  });
  return { rewards, valids: new Uint8Array(n).fill(1), logRatio: new Float32Array(n) };
}

describe("weights of pools", () => {
  it("path: a pool counts by what it knows, and a biased pool is set right by its log ratios", () => {
    const base = normalPool(0, 4000);
    const shifted = normalPool(1, 4000);
    // log dP / dP_base of a pool drawn from the tilt by 1: r - 1/2.
    const known = { ...shifted, logRatio: shifted.rewards.map((reward) => reward - 0.5) };
    const { weights, ess, means } = pathPoolWeights({ pools: [base, known], conditions: 1 }, 1.5);
    expect(total(weights)).toBeCloseTo(1, 12);
    // ESS of exp(h r) on a standard normal pool is exp(-h^2).
    expect(ess[0]! / 4000).toBeCloseTo(Math.exp(-2.25), 1);
    expect(ess[1]! / 4000).toBeCloseTo(Math.exp(-0.25), 1);
    expect(total(weights.subarray(0, 4000))).toBeCloseTo(ess[0]! / (ess[0]! + ess[1]!), 12);
    for (const { mean, standardError } of means) {
      expect(Math.abs(mean - 1.5)).toBeLessThan(4 * standardError);
    }
    const dropped = pathPoolWeights({ pools: [base, known], conditions: 1, leastEssFraction: 0.5 }, 1.5);
    expect(total(dropped.weights.subarray(0, 4000))).toBe(0);
    expect(total(dropped.weights)).toBeCloseTo(1, 12);
  });

  it("reward: the mixture of exact tilts gives any other tilt", () => {
    const pools = [normalPool(0, 3000), normalPool(0.7, 2000), normalPool(1.4, 1000)];
    const weigh = mixturePoolWeights({ pools, conditions: 1 }, [0, 0.7, 1.4]);
    for (const level of [0, 1, 1.8]) {
      const { weights, ess } = weigh(level);
      const rewards = pools.flatMap((pool) => [...pool.rewards]);
      const mean = rewards.reduce((sum, reward, i) => sum + weights[i]! * reward, 0);
      expect(Math.abs(mean - level)).toBeLessThan(0.05);
      expect(total(weights)).toBeCloseTo(1, 10);
      expect(total(ess)).toBeLessThanOrEqual(6000 + 1e-6);
    }
  });

  it("gives every condition the same weight, and invalid endpoints none", () => {
    const pool = normalPool(0, 4000);
    const valids = pool.valids.map((_, i) => Number(i % 7 !== 3));
    // The second condition's rewards are 5 higher: its weights would take everything if conditions were mixed.
    const rewards = pool.rewards.map((reward, i) => reward + 5 * (i % 2));
    const pools = [{ rewards, valids, logRatio: pool.logRatio }];
    for (const weights of [
      pathPoolWeights({ pools, conditions: 2 }, 1).weights,
      mixturePoolWeights({ pools, conditions: 2 }, [0])(1).weights,
    ]) {
      expect(total(weights.filter((_, i) => i % 2 === 0))).toBeCloseTo(0.5, 10);
      expect(total(weights.filter((_, i) => i % 7 === 3))).toBe(0);
    }
  });

  it("climbs as far as the effective samples reach, in either direction", () => {
    const pool = normalPool(0, 4000);
    const ess = (level: number): number => total(pathPoolWeights({ pools: [pool], conditions: 1 }, level).ess);
    expect(ladderLevel({ from: 0, to: 0.5, enough: 2000, ess })).toBe(0.5);
    for (const to of [3, -3]) {
      const level = ladderLevel({ from: 0, to, enough: 1000, ess });
      expect(Math.sign(level)).toBe(Math.sign(to));
      // exp(-level^2) = 1/4.
      expect(Math.abs(Math.abs(level) - Math.sqrt(Math.log(4)))).toBeLessThan(0.1);
      expect(ess(level)).toBeGreaterThanOrEqual(1000);
    }
    expect(ladderLevel({ from: 2, to: 3, enough: 3999, ess })).toBe(2);
  });
});
