import { outputTypes } from "@diffusiongym/core";
import { TiltMatching } from "@diffusiongym/methods";
import { describe, it } from "vitest";
import { compareGradients, type GradientProblem, type GradientRow } from "../endpoint-regression/gradients.js";

const step = 0.7 / 2;

const make =
  (form: "implicit" | "explicit") =>
  (problem: GradientProblem): TiltMatching =>
    new TiltMatching({
      ...problem,
      form,
      iterations: 4,
      rounds: 2,
      // Every endpoint of the pool is a row, so that what the pool is centred by is known from the rows.
      basePoolSize: 16,
      poolSize: 16,
      batchSize: 16,
      noisings: 2,
      solverSteps: 4,
      timeRange: [0.1, 0.9],
      maxGradientNorm: 1e9,
      rowsAtOnce: 10,
    });

const meanOver = (rows: readonly GradientRow[], f: (row: GradientRow) => number): number =>
  rows.reduce((sum, row) => sum + f(row), 0) / rows.length;

describe("the loss and its gradient", () => {
  it.each(outputTypes)("%s, implicit: |v - v_old - (w - 1) (u_c - sg v)|^2", async (outputType) => {
    await compareGradients({
      outputType,
      make: make("implicit"),
      rowLoss: ({ conditional, reference, frozen, reward }, v, rows) => {
        const weight = Math.exp(step * reward) / meanOver(rows, (row) => Math.exp(step * row.reward));
        return (v - reference - (weight - 1) * (conditional - frozen)) ** 2;
      },
    });
  });

  it.each(outputTypes)("%s, explicit: |v - v_old - h (r - mean r) (u_c - v_old)|^2", async (outputType) => {
    await compareGradients({
      outputType,
      make: make("explicit"),
      rowLoss: ({ conditional, reference, reward }, v, rows) =>
        (v - reference - step * (reward - meanOver(rows, (row) => row.reward)) * (conditional - reference)) ** 2,
    });
  });
});
