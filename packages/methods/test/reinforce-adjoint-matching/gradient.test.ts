import { type DDTensor, type NoConditioning, outputTypes, Trigonometric } from "@diffusiongym/core";
import { ReinforceAdjointMatching, type TrainableValue } from "@diffusiongym/methods";
import { Parameters } from "@diffusiongym/nn";
import { describe, expect, it, vi } from "vitest";
import { compareGradients, type GradientProblem } from "../endpoint-regression/gradients.js";

const lambda = 0.7;

/** A baseline that says the same everywhere and learns nothing. */
const constantBaseline = (value: number): TrainableValue<DDTensor, NoConditioning> => ({
  network: {
    parameters: new Parameters([{ name: "value", shape: [1] }]),
    gradients: new Parameters([{ name: "value", shape: [1] }]),
  },
  value: (x) => new Float32Array(x.length).fill(value),
  gradient: (x) => x.zerosLike(),
  regress: async ({ x }) => ({ loss: 0, values: new Float32Array(x.length).fill(value) }),
});

const options = (problem: GradientProblem) => ({
  ...problem,
  iterations: 1,
  batchSize: 12,
  noisings: 2,
  solverSteps: 4,
  timeRange: [0.1, 0.9] as const,
  maxGradientNorm: 1e9,
  rowsAtOnce: 10,
});

describe("the loss and its gradient", () => {
  it.each(outputTypes)("%s: |v - v_ref - lambda (r - b) (u_c - sg v)|^2", async (outputType) => {
    await compareGradients({
      outputType,
      make: (problem) => new ReinforceAdjointMatching({ ...options(problem), rewardBaseline: constantBaseline(0.3) }),
      rowLoss: ({ conditional, reference, frozen, reward }, v, rows) => {
        const mean = rows.reduce((sum, row) => sum + row.reward, 0) / rows.length;
        return (v - reference - (lambda * (reward - mean) - 0.3) * (conditional - frozen)) ** 2;
      },
    });
  });

  it.each(outputTypes)("%s, baseline none and group-normalised", async (outputType) => {
    await compareGradients({
      outputType,
      make: (problem) =>
        new ReinforceAdjointMatching({
          ...options(problem),
          baseline: "mean",
          normalization: "std",
          groupSize: 3,
          maxCorrection: 1e9,
        }),
      rowLoss: ({ conditional, reference, frozen, reward }, v, rows) => {
        const index = rows.findIndex((row) => row.reward === reward);
        const group = Math.floor(index / 6);
        const own = rows.slice(6 * group, 6 * group + 6).map((row) => row.reward);
        const mean = own.reduce((sum, value) => sum + value, 0) / 6;
        const std = Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 6);
        return (v - reference - ((lambda * (reward - mean)) / std) * (conditional - frozen)) ** 2;
      },
    });
  });

  it("the first half of a trapezoid: |v - v_ref - lambda / 2 (r - b) (u_c - v_ref)|^2", async () => {
    await compareGradients({
      outputType: "velocity",
      make: (problem) =>
        new ReinforceAdjointMatching({
          ...options(problem),
          iterations: 2,
          trapezoid: true,
          rewardBaseline: constantBaseline(0.3),
        }),
      rowLoss: ({ conditional, reference, reward }, v, rows) => {
        const mean = rows.reduce((sum, row) => sum + row.reward, 0) / rows.length;
        return (v - reference - ((lambda / 2) * (reward - mean) - 0.3) * (conditional - reference)) ** 2;
      },
    });
  });

  it.each(outputTypes)("%s with path cost: and (C - b_C) (eta xi / sqrt(q) + v - kappa x)", async (outputType) => {
    const scheduler = new Trigonometric();
    let method: ReinforceAdjointMatching | undefined;
    let drawn: { intermediate: Intermediate } | undefined;
    await compareGradients({
      outputType,
      method: "draw",
      make: (problem) => {
        method = new ReinforceAdjointMatching({
          ...options(problem),
          pathCost: true,
          rewardBaseline: constantBaseline(0.3),
          costBaseline: constantBaseline(0.2),
          maxCorrection: 1e9,
        });
        const inner = method as unknown as { draw(batch: unknown): { intermediate: Intermediate } };
        const draw = inner.draw.bind(method);
        vi.spyOn(inner, "draw").mockImplementation((batch) => {
          drawn = draw(batch);
          return drawn;
        });
        return method;
      },
      rowLoss: (row, v, rows, velocities) => {
        const { t, xt, conditional, reference, frozen, reward } = row;
        const { intermediate } = drawn!;
        const i = rows.indexOf(row);
        const [s, xs] = [intermediate.s[i]!, intermediate.xs.data[i]!];
        const mean = rows.reduce((sum, other) => sum + other.reward, 0) / rows.length;
        const difference = velocities.policy(xs, s) - velocities.base(xs, s);
        const y = Math.sqrt((s - t) / (1 - t));
        // Capped: the control of a policy that does not vanish towards t = 1 is infinite there.
        const cost = Math.min(200, (0.95 * 2 * y * (1 - t) * difference ** 2) / scheduler.eta(s));
        const rho = scheduler.alpha(t) / scheduler.alpha(s);
        const q = scheduler.beta(t) ** 2 - (rho * scheduler.beta(s)) ** 2;
        const step = (xt - rho * xs) / q;
        const score = scheduler.eta(t) * step + frozen - scheduler.kappa(t) * xt;
        const target = reference + (lambda * (reward - mean) - 0.3) * (conditional - frozen) + (cost - 0.2) * score;
        return (v - target) ** 2;
      },
      tolerance: 5e-3,
    });
    expect(drawn).toBeDefined();
  });
});

interface Intermediate {
  readonly s: Float32Array;
  readonly xs: DDTensor;
}
