import { outputTypes } from "@diffusiongym/core";
import { RewardWeightedFlowMatching } from "@diffusiongym/methods";
import { describe, it } from "vitest";
import { compareGradients } from "../endpoint-regression/gradients.js";

describe("the loss and its gradient", () => {
  it.each(outputTypes)("%s: w |v - u_c|^2 + alpha |v - v_ref|^2", async (outputType) => {
    await compareGradients({
      outputType,
      make: (problem) =>
        new RewardWeightedFlowMatching({
          ...problem,
          temperature: 0.8,
          referencePenalty: 0.6,
          iterations: 1,
          batchSize: 12,
          noisings: 2,
          solverSteps: 4,
          timeRange: [0.1, 0.9],
          maxGradientNorm: 1e9,
          rowsAtOnce: 10,
        }),
      rowLoss: ({ conditional, reference, reward }, v, rows) => {
        const mean = rows.reduce((sum, row) => sum + row.reward, 0) / rows.length;
        const std = Math.sqrt(rows.reduce((sum, row) => sum + (row.reward - mean) ** 2, 0) / rows.length);
        const weight = (value: number): number => Math.exp((0.8 * value) / std);
        const norm = rows.reduce((sum, row) => sum + weight(row.reward), 0) / rows.length;
        return (weight(reward) / norm) * (v - conditional) ** 2 + 0.6 * (v - reference) ** 2;
      },
    });
  });

  it("without penalty: weighted flow matching, rewards as they are", async () => {
    await compareGradients({
      outputType: "velocity",
      make: (problem) =>
        new RewardWeightedFlowMatching({
          ...problem,
          standardize: false,
          referencePenalty: 0,
          groupSize: 6,
          iterations: 1,
          batchSize: 12,
          noisings: 1,
          solverSteps: 4,
          timeRange: [0.1, 0.9],
          maxGradientNorm: 1e9,
        }),
      rowLoss: ({ conditional, reward }, v, rows) => {
        const group = Math.floor(rows.findIndex((row) => row.reward === reward) / 6);
        const norm = rows.slice(6 * group, 6 * group + 6).reduce((sum, row) => sum + Math.exp(0.5 * row.reward), 0) / 6;
        return (Math.exp(0.5 * reward) / norm) * (v - conditional) ** 2;
      },
    });
  });
});
