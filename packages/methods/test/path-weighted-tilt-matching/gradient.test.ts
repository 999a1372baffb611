import { outputTypes } from "@diffusiongym/core";
import { PathWeightedTiltMatching, RewardWeightedRegression } from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import { compareGradients, type GradientProblem } from "../endpoint-regression/gradients.js";

const options = (problem: GradientProblem) => ({
  ...problem,
  iterations: 2,
  rounds: 1,
  basePoolSize: 256,
  batchSize: 12,
  noisings: 2,
  solverSteps: 4,
  timeRange: [0.1, 0.9] as const,
  leastEss: 5,
  maxGradientNorm: 1e9,
  rowsAtOnce: 10,
});

describe("the loss and its gradient", () => {
  it.each(outputTypes)("%s: mean |v - u_c|^2 over rows resampled by weight", async (outputType) => {
    for (const make of [
      (problem: GradientProblem) => new PathWeightedTiltMatching(options(problem)),
      (problem: GradientProblem) => new RewardWeightedRegression(options(problem)),
    ]) {
      await compareGradients({ outputType, make, rowLoss: ({ conditional }, v) => (v - conditional) ** 2 });
    }
  });

  it("draws rows by exp(lambda r)", async () => {
    const rewards: number[] = [];
    await compareGradients({
      outputType: "velocity",
      make: (problem) => new RewardWeightedRegression({ ...options(problem), batchSize: 4000 }),
      rowLoss: ({ conditional, reward }, v) => {
        rewards.push(reward);
        return (v - conditional) ** 2;
      },
    });
    const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
    // N(0.4, 0.6^2) times exp(-0.35 (x - 1)^2): precision 1 / 0.36 + 0.7, mean (0.4 / 0.36 + 0.7) / precision; pool of 256.
    const precision = 1 / 0.36 + 0.7;
    const centre = (0.4 / 0.36 + 0.7) / precision;
    expect(Math.abs(mean + ((centre - 1) ** 2 + 1 / precision) / 2)).toBeLessThan(0.06);
  });
});
