import {
  Cosine,
  constantNoise,
  DDTensor,
  Diffusion,
  Environment,
  memorylessNoise,
  type NoiseSchedule,
  OptimalTransport,
  outputTypes,
  type Scheduler,
  scaledMemorylessNoise,
  Tensor,
  Trigonometric,
  VPLinear,
  ZeroReward,
} from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { endMoments, type LinearResponse, linearResponse } from "../support/linear-response.js";

const mean = 1;
const standardDeviation = 0.5;
const template = (n: number): DDTensor => new DDTensor(Tensor.zeros([n, 1]));

interface Setup {
  readonly scheduler: Scheduler;
  readonly noise: NoiseSchedule;
  /** First time of the uniform grid. */
  readonly start: number;
  readonly steps: number;
  readonly outputType?: (typeof outputTypes)[number];
}

function environmentOf({
  scheduler,
  noise,
  start,
  steps,
  outputType = "velocity",
}: Setup): Environment<DDTensor, object> {
  const model = new GaussianModel<DDTensor, object>({ template, scheduler, outputType, mean, standardDeviation });
  const timeGrid = Array.from({ length: steps + 1 }, (_, k) => (k === steps ? 1 : start + ((1 - start) * k) / steps));
  return new Environment<DDTensor, object>(model, new ZeroReward<DDTensor, object>(), {
    timeGrid,
    noiseSchedule: noise,
  });
}

/** Error of the end state's moments when the rollout starts from the exact law at the first time. */
async function momentErrors(setup: Setup): Promise<{ mean: number; standardDeviation: number }> {
  const alpha = setup.scheduler.alpha(Math.fround(setup.start));
  const beta = setup.scheduler.beta(Math.fround(setup.start));
  const law = { mean: alpha * mean, variance: alpha ** 2 * standardDeviation ** 2 + beta ** 2 };
  const end = endMoments(await linearResponse(environmentOf(setup)), law);
  return { mean: Math.abs(end.mean - mean), standardDeviation: Math.abs(Math.sqrt(end.variance) - standardDeviation) };
}

/** Root mean square of the end state's difference between a coarse and a fine grid driven by one Brownian path. */
function strongError(coarse: LinearResponse, fine: LinearResponse): number {
  const ratio = fine.noise.length / coarse.noise.length;
  let sum = (coarse.offset - fine.offset) ** 2 + (coarse.start - fine.start) ** 2;
  fine.noise.forEach((value, j) => {
    sum += (coarse.noise[Math.floor(j / ratio)]! / Math.sqrt(ratio) - value) ** 2;
  });
  return Math.sqrt(sum);
}

/** Order of convergence from errors at step counts that double. */
const orders = (errors: readonly number[]): number[] =>
  errors.slice(1).map((error, i) => Math.log2(errors[i]! / error));

describe("Euler-Maruyama on a linear SDE", () => {
  const setup = { scheduler: new OptimalTransport(), noise: memorylessNoise(), start: 0.25 };
  const counts = [16, 32, 64, 128];

  it("has weak order 1: the variance of the end state from a given start", async () => {
    // Exact: X_1 | x_t of the memoryless process is the posterior of the data given x_t.
    const { alpha, beta } = { alpha: 0.25, beta: 0.75 };
    const exact = 1 / (1 / standardDeviation ** 2 + alpha ** 2 / beta ** 2);
    const errors: number[] = [];
    for (const steps of counts) {
      const { noise } = await linearResponse(environmentOf({ ...setup, steps }));
      errors.push(Math.abs(noise.reduce((sum, value) => sum + value ** 2, 0) - exact));
    }
    for (const order of orders(errors)) {
      expect(order).toBeGreaterThan(0.9);
      expect(order).toBeLessThan(1.2);
    }
    expect(errors.at(-1)).toBeLessThan(3e-3);
  });

  it("has strong order 1, because the noise is additive", async () => {
    const fine = await linearResponse(environmentOf({ ...setup, steps: 1024 }));
    const errors: number[] = [];
    for (const steps of [8, 16, 32, 64]) {
      errors.push(strongError(await linearResponse(environmentOf({ ...setup, steps })), fine));
    }
    for (const order of orders(errors)) {
      expect(order).toBeGreaterThan(0.9);
      expect(order).toBeLessThan(1.25);
    }
  });
});

describe("the marginals do not depend on the noise", () => {
  const noises: readonly (readonly [string, NoiseSchedule])[] = [
    ["memoryless", memorylessNoise()],
    ["scaled memoryless, a = 0.7", scaledMemorylessNoise(0.7)],
    ["constant 0.5", constantNoise(0.5)],
    ["ODE", constantNoise(0)],
  ];
  const schedulers: readonly (readonly [string, Scheduler])[] = [
    ["optimal transport", new OptimalTransport()],
    ["cosine", new Cosine(1)],
    ["trigonometric", new Trigonometric()],
    ["variance preserving", new VPLinear()],
  ];
  const cases = schedulers.flatMap(([name, scheduler]) =>
    noises.map(([noiseName, noise]) => ({ name, noiseName, scheduler, noise })),
  );

  it.each(cases)("$name, $noiseName: the end state has the data's moments, at first order", async (one) => {
    const errors = [];
    for (const steps of [50, 100, 200]) {
      errors.push(await momentErrors({ ...one, start: 0.1, steps }));
    }
    // Where the leading terms cancel, the error is small from the start and need not shrink by steps.
    for (const moment of ["mean", "standardDeviation"] as const) {
      expect(errors[2]![moment]).toBeLessThan(5e-3);
      expect(errors[2]![moment]).toBeLessThan(Math.max(0.3 * errors[0]![moment], 2e-4));
    }
  });

  it.each(outputTypes)("%s models agree with velocity models", async (outputType) => {
    for (const [, noise] of noises) {
      const setup = { scheduler: new Trigonometric(), noise, start: 0.1, steps: 40 };
      const a = await linearResponse(environmentOf(setup));
      const b = await linearResponse(environmentOf({ ...setup, outputType }));
      expect(Math.abs(a.offset - b.offset)).toBeLessThan(2e-5);
      expect(Math.abs(a.start - b.start)).toBeLessThan(2e-5);
      a.noise.forEach((value, k) => {
        expect(Math.abs(value - b.noise[k]!)).toBeLessThan(2e-5);
      });
    }
  });

  it("a table of alpha-bars converges too, to the moments that its own alpha_1 and beta_1 allow", async () => {
    const scheduler = Diffusion.linear();
    const end = await momentErrors({ scheduler, noise: memorylessNoise(), start: 0.05, steps: 400 });
    expect(end.mean).toBeLessThan(5e-3);
    expect(end.standardDeviation).toBeLessThan(1e-2);
  });
});

describe("the memoryless process", () => {
  it("forgets its start and no other noise does", async () => {
    const { start } = await linearResponse(
      environmentOf({ scheduler: new OptimalTransport(), noise: memorylessNoise(), start: 1 / 101, steps: 100 }),
    );
    expect(Math.abs(start)).toBeLessThan(1e-3);
    const ode = await linearResponse(
      environmentOf({ scheduler: new OptimalTransport(), noise: constantNoise(0), start: 1 / 101, steps: 100 }),
    );
    expect(ode.start).toBeGreaterThan(0.45);
  });
});
