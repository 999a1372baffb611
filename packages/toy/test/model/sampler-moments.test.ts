import {
  constantNoise,
  constructEnv,
  DDTensor,
  type Environment,
  memorylessNoise,
  type NoiseSchedule,
  scaledMemorylessNoise,
} from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { GaussianMixture, GaussianMixtureModel, LinearReward } from "../../src/index.js";
import { loadFixture } from "../fixtures/load.js";

/** [mean, standard deviation, correlation of start and end] at t = 1; ODE rows have no correlation. */
type Moments = readonly [number, number, number?];

// analytic/sampler-moments.json: keys "mean_deviation_steps" of Gaussian data on the linear path.
const golden = await loadFixture<Record<string, Record<string, Moments>>>("sampler-moments");

interface Row {
  readonly grid: (steps: number) => number[];
  readonly noise: () => NoiseSchedule;
  /** True when the start has the law of x_t, not N(0, 1). */
  readonly exactStart?: boolean;
}

const uniformFrom =
  (start: number | ((steps: number) => number)) =>
  (steps: number): number[] => {
    const first = typeof start === "number" ? start : start(steps);
    return Array.from({ length: steps + 1 }, (_, k) => (k === steps ? 1 : first + ((1 - first) * k) / steps));
  };
const interior = (steps: number): number[] => Array.from({ length: steps + 1 }, (_, k) => (k + 1) / (steps + 1));
/** METHODS 3, "power t = u^2", shifted to start at t0 = 1e-3. */
const squares = (steps: number): number[] =>
  Array.from({ length: steps + 1 }, (_, k) => (k === steps ? 1 : 1e-3 + (1 - 1e-3) * (k / steps) ** 2));

const rows: Record<string, Row> = {
  "em t0=0.001": { grid: uniformFrom(0.001), noise: memorylessNoise },
  "em t0=0.005": { grid: uniformFrom(0.005), noise: memorylessNoise },
  "em t0=0.02": { grid: uniformFrom(0.02), noise: memorylessNoise },
  "em t0=0.05": { grid: uniformFrom(0.05), noise: memorylessNoise },
  "em interior t0=1/(N+1)": { grid: interior, noise: memorylessNoise },
  "em 2dt t0": { grid: uniformFrom((steps) => 1 / (2 * steps)), noise: memorylessNoise },
  "em quad t0=1e-3": { grid: squares, noise: memorylessNoise },
  "em geo+lin t0=.02 exact law start": { grid: uniformFrom(0.02), noise: memorylessNoise, exactStart: true },
  "grpo a=.7 interior": { grid: interior, noise: () => scaledMemorylessNoise(0.7) },
  euler: { grid: uniformFrom(0), noise: () => constantNoise(0) },
};

/** Rows whose samplers are not Euler-Maruyama steps: they come with the samplers of a later issue. */
const later = ["ancestral t0=0", "heun", "rk4", "ddim", "dpm2m"];

/** On Gaussian data the drift is affine in x, so the law stays Gaussian and its moments obey a recursion. */
async function moments(
  environment: Environment<DDTensor>,
  start: { mean: number; variance: number },
): Promise<Moments> {
  const { timesteps } = environment;
  let { mean, variance } = start;
  let covariance = variance;
  for (let k = 0; k < environment.steps; k++) {
    const dt = timesteps[k + 1]! - timesteps[k]!;
    const times = new Float32Array(2).fill(timesteps[k]!);
    const { drift } = await environment.drift(DDTensor.from([[-1], [1]]), times, {});
    const slope = (drift.data[1]! - drift.data[0]!) / 2;
    const sigma = (environment.diffusion(times) as Float64Array)[0]!;
    const factor = 1 + dt * slope;
    mean = factor * mean + (dt * (drift.data[0]! + drift.data[1]!)) / 2;
    variance = factor ** 2 * variance + sigma ** 2 * dt;
    covariance *= factor;
  }
  return [mean, Math.sqrt(variance), covariance / Math.sqrt(variance * start.variance)];
}

// METHODS T3, through core's own drift and diffusion; tolerance 1e-4, relative above 1, because times and drift are 32-bit.
describe("T3: moments of the samplers on Gaussian data", () => {
  const cases = Object.entries(golden).map(([key, expected]) => {
    const [mean, deviation, steps] = key.split("_").map(Number) as [number, number, number];
    return { key, mean, deviation, steps, expected };
  });

  it("every row is covered, or is a sampler of a later issue", () => {
    expect(cases).toHaveLength(12);
    for (const { expected } of cases) {
      expect(Object.keys(expected).sort()).toEqual([...Object.keys(rows), ...later].sort());
    }
  });

  it.each(cases)("N($mean, $deviation^2) in $steps steps", async ({ mean, deviation, steps, expected }) => {
    const model = new GaussianMixtureModel({
      mixture: GaussianMixture.from({ means: [mean], standardDeviations: deviation }),
    });
    for (const [name, row] of Object.entries(rows)) {
      const timeGrid = row.grid(steps);
      const environment = constructEnv(model, new LinearReward(), {
        timeGrid,
        noiseSchedule: row.noise(),
        allowExpansiveGrid: true,
      });
      const t0 = timeGrid[0]!;
      const start = row.exactStart
        ? { mean: t0 * mean, variance: (t0 * deviation) ** 2 + (1 - t0) ** 2 }
        : { mean: 0, variance: 1 };
      const actual = await moments(environment, start);
      expected[name]!.forEach((value, i) => {
        expect(Math.abs(actual[i]! - value!), `${name}, moment ${i}`).toBeLessThan(
          1e-4 * Math.max(1, Math.abs(value!)),
        );
      });
    }
  });
});

describe("samples have the moments of the recursion", () => {
  it("20 000 samples of N(1, .25) in 10 interior steps, within 4 standard errors", async () => {
    const model = new GaussianMixtureModel({ mixture: GaussianMixture.from({ means: [1], standardDeviations: 0.5 }) });
    const n = 20_000;
    const { latent } = await constructEnv(model, new LinearReward(), { steps: 10 }).sample(n, { seed: 6 });
    const [mean, deviation] = golden["1_0.5_10"]!["em interior t0=1/(N+1)"]!;
    const average = latent.data.reduce((sum, value) => sum + value / n, 0);
    const spread = Math.sqrt(latent.data.reduce((sum, value) => sum + (value - average) ** 2 / n, 0));
    expect(Math.abs(average - mean)).toBeLessThan((4 * deviation) / Math.sqrt(n));
    expect(Math.abs(spread - deviation)).toBeLessThan((4 * deviation) / Math.sqrt(2 * n));
  });
});
