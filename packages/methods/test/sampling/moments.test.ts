import { constructEnv, DDTensor } from "@diffusiongym/core";
import { ancestralKernel, type OdeSolverName, odeStepper, odeTimes, transitionsAlong } from "@diffusiongym/methods";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { GaussianModel } from "../support/gaussian-model.js";

/** [mean, standard deviation, correlation of start and end] at t = 1; ODE rows have no correlation. */
type Moments = readonly [number, number, number?];

// analytic/sampler-moments.json: keys "mean_deviation_steps" of Gaussian data on the linear path; the rows of
// Euler-Maruyama are held where `Environment` is.
const golden = await loadFixture<Record<string, Record<string, Moments>>>(
  "packages/methods/test/fixtures/sampler-moments.json.gz",
);
const cases = Object.entries(golden).map(([key, expected]) => {
  const [mean, deviation, steps] = key.split("_").map(Number) as [number, number, number];
  return { mean, deviation, steps, expected };
});
const solvers: Record<string, OdeSolverName> = {
  euler: "euler",
  heun: "heun",
  rk4: "rk4",
  ddim: "ddim",
  dpm2m: "dpm++2m",
};

/** The flow of Gaussian data is affine, so two points say all: its slope is the standard deviation at t = 1. */
async function odeMoments(model: GaussianModel, solver: OdeSolverName, steps: number): Promise<Moments> {
  const times = odeTimes(model, steps);
  const step = odeStepper<DDTensor>(solver);
  let x = DDTensor.from([[-1], [1]]);
  for (let k = 0; k < steps; k++) {
    const field = (state: DDTensor, t: number): DDTensor => model.forward(state, new Float32Array(2).fill(t));
    x = await step({ x, from: times[k]!, to: times[k + 1]!, field, model });
  }
  return [(x.data[0]! + x.data[1]!) / 2, Math.abs(x.data[1]! - x.data[0]!) / 2];
}

function ancestralMoments(model: GaussianModel, steps: number): Moments {
  let [mean, variance, slope] = [0, 1, 1];
  for (const transition of transitionsAlong(ancestralKernel(), model, odeTimes(model, steps))) {
    const at = DDTensor.from([[-1], [1]]);
    const next = transition.mean(at, model.forward(at, new Float32Array(2).fill(transition.from))).data;
    const factor = (next[1]! - next[0]!) / 2;
    mean = factor * mean + (next[0]! + next[1]!) / 2;
    variance = factor ** 2 * variance + (transition.deviation as number) ** 2;
    slope *= factor;
  }
  return [mean, Math.sqrt(variance), slope / Math.sqrt(variance)];
}

describe("T3: moments of the samplers that are not Euler-Maruyama", () => {
  it.each(cases)("N($mean, $deviation^2) in $steps steps", async ({ mean, deviation, steps, expected }) => {
    const model = new GaussianModel({ mean, deviation });
    const actual: Record<string, Moments> = { "ancestral t0=0": ancestralMoments(model, steps) };
    for (const [row, solver] of Object.entries(solvers)) {
      actual[row] = await odeMoments(model, solver, steps);
    }
    for (const [row, moments] of Object.entries(actual)) {
      expected[row]!.forEach((value, i) => {
        if (value !== null && value !== undefined) {
          expect(Math.abs(moments[i]! - value), `${row}, moment ${i}`).toBeLessThan(
            1e-4 * Math.max(1, Math.abs(value)),
          );
        }
      });
    }
  });
});

describe("every output type", () => {
  it.each(["velocity", "epsilon", "endpoint", "score"] as const)(
    "%s: Heun reaches the data in 24 steps",
    async (outputType) => {
      const model = new GaussianModel({ mean: 1, deviation: 0.5, outputType });
      const environment = constructEnv(model, new LinearReward(), { steps: 4 });
      expect(environment.outputType).toBe(outputType);
      const [mean, deviation] = await odeMoments(model, "heun", 24);
      expect(Math.abs(mean - 1)).toBeLessThan(0.02);
      expect(Math.abs(deviation - 0.5)).toBeLessThan(0.02);
    },
  );
});
