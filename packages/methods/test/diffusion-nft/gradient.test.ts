import { outputTypes, Trigonometric } from "@diffusiongym/core";
import { DiffusionNft } from "@diffusiongym/methods";
import { describe, it } from "vitest";
import { compareGradients, type GradientProblem, type GradientRow } from "../endpoint-regression/gradients.js";

const strength = 0.6;
const noisings = 2;

const options = (problem: GradientProblem) => ({
  ...problem,
  strength,
  iterations: 1,
  batchSize: 12,
  noisings,
  solverSteps: 4,
  timeRange: [0.1, 0.9] as const,
  maxGradientNorm: 1e9,
  rowsAtOnce: 10,
});

/** q of a row, from the rewards of all rows. */
const optimalityOf = (row: GradientRow, rows: readonly GradientRow[]): number => {
  const mean = rows.reduce((sum, { reward }) => sum + reward, 0) / rows.length;
  const std = Math.sqrt(rows.reduce((sum, { reward }) => sum + (reward - mean) ** 2, 0) / rows.length);
  return 0.5 + 0.5 * Math.min(1, Math.max(-1, (row.reward - mean) / std));
};

/** METHODS 1.5 as it stands; the old policy is still the base model. */
const published = (row: GradientRow, v: number, q: number): number => {
  const plus = (1 - strength) * row.reference + strength * v;
  const minus = (1 + strength) * row.reference - strength * v;
  return q * (plus - row.conditional) ** 2 + (1 - q) * (minus - row.conditional) ** 2;
};

describe("the loss and its gradient", () => {
  it.each(outputTypes)("%s: q |v_plus - u_c|^2 + (1 - q) |v_minus - u_c|^2", async (outputType) => {
    await compareGradients({
      outputType,
      make: (problem) => new DiffusionNft(options(problem)),
      rowLoss: (row, v, rows) => published(row, v, optimalityOf(row, rows)),
    });
  });

  it.each(outputTypes)("%s, weighted by the endpoint's error, with the penalty", async (outputType) => {
    const scheduler = new Trigonometric();
    await compareGradients({
      outputType,
      make: (problem) => new DiffusionNft({ ...options(problem), referencePenalty: 0.4, weighting: "endpoint-error" }),
      rowLoss: (row, v, rows) => {
        // D = (beta v - betaDot x) / W.
        const reach = scheduler.beta(row.t) / scheduler.wronskian(row.t);
        const error = Math.abs(reach * (row.frozen - row.conditional));
        const weight = reach ** 2 / error;
        return weight * published(row, v, optimalityOf(row, rows)) + 0.4 * (v - row.reference) ** 2;
      },
    });
  });
});
