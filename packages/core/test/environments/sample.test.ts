import {
  ArgumentError,
  DDTensor,
  Environment,
  OptimalTransport,
  type Reward,
  Sample,
  ZeroReward,
} from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { points } from "../support/subjects.js";

const model = new GaussianModel({ template: points, scheduler: new OptimalTransport() });
const judge: Reward = {
  evaluate: (x) => ({ rewards: Float32Array.of(1, 2, 9, 3).subarray(0, x.length), valids: Uint8Array.of(1, 1, 0, 1) }),
};

describe("Sample", () => {
  it("summarises as JSON: rewards over the valid ones only", async () => {
    const environment = new Environment(model, judge, { steps: 3, rewardScale: 2 });
    const sample = await environment.sample(4, { seed: 6, record: ["drifts"] });
    expect(JSON.parse(JSON.stringify(sample))).toEqual({
      length: 4,
      steps: 3,
      seed: 6,
      rewardScale: 2,
      validFraction: 0.75,
      rewardMean: 2,
      rewardStd: Math.sqrt(2 / 3),
      klPath: 0,
      recorded: ["drifts"],
    });
    expect(sample.slice(2, 3).toJSON()).toMatchObject({ validFraction: 0, rewardMean: null, rewardStd: null });
    expect(sample.slice(0, 0).toJSON()).toMatchObject({ length: 0, validFraction: null, klPath: null });
  });

  it("says how to record what was not", async () => {
    const environment = new Environment(model, new ZeroReward(), { steps: 3 });
    const sample = await environment.sample(2, { record: ["drifts"] });
    expect(sample.has("drifts")).toBe(true);
    expect(sample.has("noises")).toBe(false);
    for (const field of ["trajectory", "diffusions", "noises", "runningCosts", "costs"] as const) {
      expect(() => sample[field]).toThrowError(ArgumentError);
    }
    expect(() => sample.trajectory).toThrowError(
      /"trajectory" was not recorded. Ask for it: sample\(n, \{ record: \["traj/,
    );
    expect(() => sample.costs).toThrowError(/"runningCosts" was not recorded/);
  });

  it("joins only what belongs together", async () => {
    const environment = new Environment(model, new ZeroReward(), { steps: 3 });
    const other = new Environment(model, new ZeroReward(), { steps: 4 });
    const scaled = new Environment(model, new ZeroReward(), { steps: 3, rewardScale: 2 });
    const sample = await environment.sample(2);
    expect(() => Sample.concat([])).toThrowError(ArgumentError);
    for (const wrong of [await other.sample(2), await scaled.sample(2)]) {
      expect(() => Sample.concat([sample, wrong])).toThrowError(/different time grids or reward scales/);
    }
    const recorded = await environment.sample(2, { record: "all" });
    expect(() => Sample.concat([sample, recorded])).toThrowError(/not the same fields were recorded/);
  });

  it("at and slice take what Array.prototype.at and slice take, and refuse the rest", async () => {
    const environment = new Environment(model, new ZeroReward(), { steps: 2 });
    const sample = await environment.sample(3, { record: "all" });
    expect(sample.at(-3).latent.data).toEqual(sample.at(0).latent.data);
    expect(sample.slice(-2).length).toBe(2);
    expect(sample.slice(5)).toHaveLength(0);
    expect(sample.slice(2, 1)).toHaveLength(0);
    for (const index of [3, -4, 0.5, Number.NaN]) {
      expect(() => sample.at(index)).toThrowError(ArgumentError);
    }
    expect(() => sample.slice(0.5)).toThrowError(ArgumentError);
  });

  it("keeps x0 as the caller gave it, first of the trajectory", async () => {
    const environment = new Environment(model, new ZeroReward(), { steps: 2 });
    const x0 = DDTensor.from([[1, 2, 3]]);
    const { trajectory } = await environment.sample(1, { x0, record: ["trajectory"] });
    expect(trajectory[0]).toBe(x0);
    expect(Array.from(x0.data)).toEqual([1, 2, 3]);
  });
});
