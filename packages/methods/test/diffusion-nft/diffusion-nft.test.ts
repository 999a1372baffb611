import { constructEnv, DDTensor, type Environment } from "@diffusiongym/core";
import { DiffusionNft, type DiffusionNftOptions, negativeAwareTarget, optimality } from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (rewardScale = 0.8): Environment => constructEnv(model, new LinearReward(), { steps: 8, rewardScale });

const make = (options: Partial<DiffusionNftOptions> = {}): DiffusionNft =>
  new DiffusionNft({
    environment: problem(),
    policy: residualPolicy(model),
    iterations: 30,
    batchSize: 64,
    noisings: 2,
    learningRate: 2e-2,
    solverSteps: 6,
    ...options,
  });

describe("DiffusionNFT", () => {
  it("keeps the promises of every method", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => make({ environment, iterations, updatesPerIteration: 2 }),
      adapted: (method) => ({ policy: method.adapted }),
    });
  });

  it("keeps them with the paper's weighting, groups and a penalty", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) =>
        make({
          environment,
          iterations,
          groupSize: 16,
          normalization: "max",
          referencePenalty: 0.1,
          weighting: "endpoint-error",
          oldDecay: 0.5,
        }),
      adapted: (method) => ({ policy: method.adapted }),
    });
  });

  it("T10: two parameters on two points end at v_old + (2 / nu) Cov(q, v | x)", () => {
    const strength = 0.7;
    // Two states; at each, two equally likely velocities with their optimality.
    const states = [-0.5, 0.8];
    const velocities = [
      [1.2, -0.4],
      [0.3, 2.1],
    ];
    const qualities = [
      [0.9, 0.2],
      [0.4, 1],
    ];
    const old = velocities.map(([a, b]) => (a! + b!) / 2);
    // The loss as METHODS 1.5 writes it, minimised over v = p + s x by Newton's method on differences: it is quadratic.
    const loss = ([p, s]: readonly number[]): number =>
      states.reduce((sum, x, k) => {
        const v = p! + s! * x;
        const plus = (1 - strength) * old[k]! + strength * v;
        const minus = (1 + strength) * old[k]! - strength * v;
        return velocities[k]!.reduce((inner, velocity, j) => {
          const q = qualities[k]![j]!;
          return inner + q * (plus - velocity) ** 2 + (1 - q) * (minus - velocity) ** 2;
        }, sum);
      }, 0);
    const slope = (point: readonly number[], k: number): number =>
      loss(point.map((value, i) => value + (i === k ? 0.5 : 0))) -
      loss(point.map((value, i) => value - (i === k ? 0.5 : 0)));
    const at = [0, 1].map((k) => slope([0, 0], k));
    const hessian = [0, 1].map((k) => [0, 1].map((i) => slope(i === 0 ? [1, 0] : [0, 1], k) - at[k]!));
    const determinant = hessian[0]![0]! * hessian[1]![1]! - hessian[0]![1]! * hessian[1]![0]!;
    const p = (-at[0]! * hessian[1]![1]! + at[1]! * hessian[0]![1]!) / determinant;
    const s = (-at[1]! * hessian[0]![0]! + at[0]! * hessian[1]![0]!) / determinant;
    states.forEach((x, k) => {
      const [a, b] = velocities[k]!;
      const [qa, qb] = qualities[k]!;
      const covariance = (qa! * a! + qb! * b!) / 2 - ((qa! + qb!) * (a! + b!)) / 4;
      const expected = old[k]! + (2 / strength) * covariance;
      expect(p + s * x).toBeCloseTo(expected, 9);
      const target = negativeAwareTarget(
        { old: DDTensor.from([old[k]!, old[k]!], [2, 1]), conditional: DDTensor.from([a!, b!], [2, 1]) },
        [qa!, qb!],
        strength,
      ).data;
      expect((target[0]! + target[1]!) / 2).toBeCloseTo(expected, 5);
    });
  });

  it("clips optimality at Z, and calls what it cannot judge neither good nor bad", () => {
    const { values, scale, clippedFraction } = optimality([3, -1, -1, -1, 50], [1, 1, 1, 1, 0], "std");
    expect(scale).toBeCloseTo(Math.sqrt(3), 10);
    expect(values[0]).toBe(1);
    expect(values[1]).toBeCloseTo(0.5 - 0.5 / Math.sqrt(3), 6);
    expect(values[4]).toBe(0.5);
    expect(clippedFraction).toBe(0.25);
    expect([...optimality([2, -1], [1, 1], "max").values]).toEqual([1, 0.25]);
    expect([...optimality([0, 0], [1, 1], "std").values]).toEqual([0.5, 0.5]);
  });

  it("moves the old policy by its decay", async () => {
    const method = make({ oldDecay: 0.75, iterations: 1 });
    const old = (): Float32Array => method.state().arrays.get("extra/old/head.bias") as Float32Array;
    expect([...old()]).toEqual([0]);
    const metrics = await method.iterate();
    const now = method.policy.parameters.get("head.bias").data[0]!;
    expect(old()[0]).toBeCloseTo(0.25 * now, 7);
    expect(metrics.lambda_step).toBeCloseTo(1 / metrics.optimality_scale!, 10);
  });

  it("names an option that is out of range", () => {
    for (const options of [
      { strength: 0 },
      { groupSize: -1 },
      { normalization: "mean" as "std" },
      { updatesPerIteration: 0 },
      { oldDecay: 2 },
      { referencePenalty: -1 },
      { weighting: "uniform" as "velocity" },
    ]) {
      expect(() => make(options)).toThrow(Object.keys(options)[0]);
    }
  });
});
