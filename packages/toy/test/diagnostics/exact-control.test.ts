import { constantNoise, DDTensor } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { klPath, meanEstimate, modeWeights, pathWeights, tiltReport, totalVariation } from "../../src/index.js";
import { exactlySteered, fourModes, s1 } from "../fixtures/s1.js";

const n = 20_000;

// METHODS T4: the exact control through the Euler-Maruyama kernel on S1, lambda = 1, interior grid, 20000 samples. TV is against
// the exact cell masses (METHODS 4.4), whose floor at these N is about .02, .012, .006. s.e. of the mean reward .006.
describe("T4: exact control on S1", () => {
  it.each([
    [10, 2.24, 0.03, 0.03],
    [20, 2.28, 0.02, 0.02],
    [50, 2.31, 0.02, 0.012],
  ])("N = %i: E r = %d +- %d, TV below %d", async (steps, expected, tolerance, bound) => {
    const { environment, tilt } = exactlySteered(s1, { steps, rewardScale: 1 });
    const sample = await environment.sample(n, { seed: 41 });
    const report = tiltReport(sample.latent.data, tilt);
    expect(Math.abs(report.reward.mean - expected)).toBeLessThan(tolerance);
    expect(report.reward.mean).toBeCloseTo(meanEstimate(sample.rewards).mean, 4);
    expect(report.totalVariation).toBeLessThan(bound);
    if (steps === 50) {
      const energy = klPath(sample);
      expect(tilt.klTiltedBase).toBeCloseTo(1.1067, 4);
      expect(energy.mean).toBeGreaterThan(1.1);
      expect(energy.mean).toBeLessThan(1.14);
    }
  });

  it("without control the same samples are the base law, far from the tilt", async () => {
    const { environment, tilt } = exactlySteered(s1, { steps: 50, rewardScale: 1 });
    environment.controlPolicy = undefined;
    const report = tiltReport((await environment.sample(n, { seed: 41 })).latent.data, tilt);
    expect(Math.abs(report.reward.mean + 0.35)).toBeLessThan(0.06);
    expect(report.totalVariation).toBeGreaterThan(0.5);
  });
});

// METHODS T5: the martingale target at the exact control.
describe("T5: the cost to go at the exact control is almost free of noise", () => {
  it("standard deviation below .22 against 1.48 of the plain cost, mean -1.19, tending to -log Z", async () => {
    const means: number[] = [];
    for (const steps of [50, 200]) {
      const { environment, tilt } = exactlySteered(s1, { steps, rewardScale: 1 });
      const sample = await environment.sample(2000, {
        seed: 7,
        record: ["trajectory", "drifts", "noises", "runningCosts"],
      });
      const { logWeights, energies } = await pathWeights(environment, sample);
      const target = meanEstimate(logWeights.map((logWeight) => -logWeight));
      const plain = meanEstimate(sample.costs.data.slice(0, sample.length));
      means.push(target.mean);
      expect(meanEstimate(energies).mean).toBeCloseTo(klPath(sample).mean, 4);
      if (steps === 50) {
        expect(target.standardDeviation).toBeLessThan(0.22);
        expect(plain.standardDeviation).toBeGreaterThan(1.4);
        expect(plain.standardDeviation).toBeLessThan(1.56);
        expect(Math.abs(target.mean + 1.19)).toBeLessThan(0.02);
      } else {
        expect(target.standardDeviation).toBeLessThan(0.11);
      }
      expect(Math.abs(plain.mean - target.mean)).toBeLessThan(4 * plain.standardError);
      expect(tilt.logNormalizer).toBeCloseTo(1.2094, 4);
    }
    expect(Math.abs(means[1]! + 1.2094)).toBeLessThan(Math.abs(means[0]! + 1.2094));
  });
});

// METHODS A8: path weights of the exact control at N = 64, and their use for any control.
describe("A8: path weights", () => {
  const record = ["trajectory", "drifts", "noises"] as const;

  it.each([
    ["S1", s1, 1, 0.974],
    ["four modes", fourModes, 0.5, 0.965],
  ] as const)(
    "%s: the exact control has the measured ESS, and any control the same weighted mean",
    async (_, mixture, rewardScale, ess) => {
      const { environment, value } = exactlySteered(mixture, { steps: 64, rewardScale });
      const controls = [0, 0.5, 1].map((factor) => ({
        control: (x: DDTensor, t: Float32Array) =>
          value.gradient(x, t).scale(-factor * Math.sqrt((2 * (1 - t[0]!)) / t[0]!)),
      }));
      const estimates: { mean: number; error: number }[] = [];
      for (const [index, controlPolicy] of controls.entries()) {
        environment.controlPolicy = controlPolicy;
        const sample = await environment.sample(6000, { seed: 90 + index, record });
        const { logWeights, effectiveSampleFraction, energies, stochasticIntegrals } = await pathWeights(
          environment,
          sample,
        );
        if (index === 2) {
          expect(Math.abs(effectiveSampleFraction - ess)).toBeLessThan(0.005);
        } else {
          expect(effectiveSampleFraction).toBeLessThan(0.92);
        }
        const weights = logWeights.map(Math.exp);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const mean = weights.reduce((sum, weight, i) => sum + (weight / total) * sample.rewards[i]!, 0);
        const error = Math.sqrt(
          weights.reduce((sum, weight, i) => sum + ((weight / total) * (sample.rewards[i]! - mean)) ** 2, 0),
        );
        estimates.push({ mean, error });
        // E[dP_base / dP_u] = 1
        const ratio = meanEstimate(energies.map((energy, i) => Math.exp(-energy - stochasticIntegrals[i]!)));
        expect(Math.abs(ratio.mean - 1)).toBeLessThan(4 * ratio.standardError + 1e-12);
      }
      for (const estimate of estimates) {
        const last = estimates.at(-1)!;
        expect(Math.abs(estimate.mean - last.mean)).toBeLessThan(4 * Math.hypot(estimate.error, last.error));
      }
    },
  );
});

describe("pathWeights", () => {
  const record = ["trajectory", "drifts", "noises"] as const;

  it("takes a grid that is expansive, as the environment does", async () => {
    const options = { steps: 10, rewardScale: 1, timeGrid: "reference", allowExpansiveGrid: true } as const;
    const { environment } = exactlySteered(s1, options);
    const { energies } = await pathWeights(environment, await environment.sample(4, { record }));
    expect(energies.every((energy) => energy > 0 && Number.isFinite(energy))).toBe(true);
  });

  it("refuses rollouts without noise and without samples, whose weights would be NaN", async () => {
    const still = exactlySteered(s1, { steps: 4, rewardScale: 1, noiseSchedule: constantNoise(0) }).environment;
    const rollout = await still.sample(2, { record });
    await expect(pathWeights(still, rollout)).rejects.toThrow("without noise (sigma is 0 at t = 0.2");
    const { environment } = exactlySteered(s1, { steps: 4, rewardScale: 1 });
    await expect(pathWeights(environment, await environment.sample(0, { record }))).rejects.toThrow("no weight");
  });
});

describe("ExactValue", () => {
  it("serves batches with times of their own, and rewards by quadrature", async () => {
    const { value, tilt } = exactlySteered(s1, { steps: 8, rewardScale: 1 });
    const x = DDTensor.from([[-1], [0.5], [2], [1]]);
    const t = Float32Array.of(0.25, 0.5, 0.5, 0.75);
    const values = value.value(x, t);
    const gradient = value.gradient(x, t);
    for (let i = 0; i < 4; i++) {
      expect(values[i]).toBeCloseTo(tilt.value([x.data[i]!], value.scheduler, t[i]!)[0]!, 5);
      expect(gradient.data[i]).toBeCloseTo(tilt.valueGradient([x.data[i]!], value.scheduler, t[i]!)[0]!, 5);
    }
    expect(gradient.shape).toEqual([4, 1]);
  });
});

describe("mode weights", () => {
  it("count to the nearest centre and sum to 1", () => {
    const weights = modeWeights([-1.9, 0.1, 0.2, 2.9], [-2, 0, 3], 1);
    expect([...weights]).toEqual([0.25, 0.5, 0.25]);
    expect(totalVariation(weights, [0.5, 0.25, 0.25])).toBeCloseTo(0.25, 12);
    expect([...modeWeights([1, 1, -1, 1, -1, -1], [1, 0, -1, 0], 2)].map((w) => w.toFixed(3))).toEqual([
      "0.333",
      "0.667",
    ]);
  });

  it("refuse what is no set of points, or laws of different size", () => {
    expect(() => modeWeights([1, 2, 3], [0, 0], 2)).toThrow(expect.objectContaining({ name: "ShapeError" }));
    expect(() => totalVariation([1], [0.5, 0.5])).toThrow(expect.objectContaining({ name: "ArgumentError" }));
  });
});
