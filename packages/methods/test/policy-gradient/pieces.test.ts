import { constructEnv } from "@diffusiongym/core";
import { centredByGroup, clippedTerm, costsToCome, requireGroups, resolveSurrogate } from "@diffusiongym/methods";
import { LinearReward } from "@diffusiongym/toy";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";

const model = new GaussianModel();
const environment = constructEnv(model, new LinearReward(), { steps: 4 });
const options = { environment, policy: residualPolicy(model) };
const defaults = { estimator: "importance", logProbReduction: "sum", skipLastSteps: 0, averageSteps: false } as const;

describe("clipped terms", () => {
  it("are min(rho A, clip(rho) A) with the slope that differences show away from the kinks", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.double({ min: -3, max: 3, noNaN: true }),
        (logRatio, advantage) => {
          const at = (value: number): number => {
            const ratio = Math.exp(value);
            return Math.min(ratio * advantage, Math.min(1.2, Math.max(0.8, ratio)) * advantage);
          };
          const { value, slope } = clippedTerm(logRatio, advantage, 0.2);
          expect(value).toBeCloseTo(at(logRatio), 10);
          const kinks = [Math.log(0.8), Math.log(1.2)];
          if (kinks.every((kink) => Math.abs(kink - logRatio) > 1e-3)) {
            expect(slope).toBeCloseTo((at(logRatio + 1e-5) - at(logRatio - 1e-5)) / 2e-5, 5);
          }
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });

  it("say which bound holds them", () => {
    expect(clippedTerm(1, 1, 0.2).clipped).toBe(1);
    expect(clippedTerm(-1, -1, 0.2).clipped).toBe(-1);
    expect(clippedTerm(1, -1, 0.2).clipped).toBe(0);
    expect(clippedTerm(0, 2, 0.2)).toEqual({ value: 2, slope: 2, clipped: 0 });
  });
});

describe("baselines", () => {
  it("are the mean of the other valid samples of the group", () => {
    const centred = centredByGroup([1, 2, 6, 10, 20, 99], Uint8Array.of(1, 1, 1, 1, 1, 0), 3);
    expect([...centred]).toEqual([1 - 4, 2 - 3.5, 6 - 1.5, 10 - 20, 20 - 10, 0]);
    expect([...centredByGroup([5, 7], Uint8Array.of(1, 0), 0)]).toEqual([0, 0]);
  });

  it("costs to come leave out the step's own", () => {
    expect(costsToCome([[1], [2], [4]]).map((row) => row[0])).toEqual([6, 4, 0]);
  });
});

describe("options", () => {
  it("names the one that is out of range", () => {
    for (const wrong of [
      { ratioClip: -1 },
      { innerEpochs: 0 },
      { minibatches: 1.5 },
      { leastDeviation: -1 },
      { skipLastSteps: 4 },
      { logProbReduction: "summ" as "sum" },
    ]) {
      expect(() => resolveSurrogate({ ...options, ...wrong }, defaults)).toThrow(Object.keys(wrong)[0]);
    }
    expect(() => resolveSurrogate({ ...options, innerEpochs: 2 }, { ...defaults, estimator: "score" })).toThrow(
      "score",
    );
    expect(() => requireGroups(10, 3)).toThrow("groupSize");
    expect(() => requireGroups(10, 1)).toThrow("groupSize");
    expect(requireGroups(10, 5)).toBe(2);
    expect(requireGroups(10, 0)).toBe(1);
  });

  it("means clip at 1e-4 where nothing is said, sums at .2", () => {
    expect(resolveSurrogate(options, defaults).ratioClip).toBe(0.2);
    expect(resolveSurrogate({ ...options, logProbReduction: "mean" }, defaults).ratioClip).toBe(1e-4);
  });
});
