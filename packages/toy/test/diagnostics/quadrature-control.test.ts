import { isErrorNamed, make, ValuePolicy } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import {
  ExactTilt,
  ExactValue,
  type GaussianMixtureModel,
  klPath,
  type ToyReward,
  tiltReport,
} from "../../src/index.js";

// The exact value function of every kind of reward, as a control in core's environment, reproduces the tilt. Discretisation
// (40 interior steps) leaves about 2 % of the shift of the mean reward.
describe("exact control of the registered rewards", () => {
  it.each([
    ["toy/gmm", "toy/binary", 2, 2000],
    ["toy/gmm", "toy/gaussian", 6, 400],
    ["toy/gmm", "toy/quadratic", 1, 4000],
    ["toy/gmm", "toy/bimodal", 1.5, 400],
    ["toy/gmm2d", "toy/halfspace", 2, 2000],
    ["toy/gmm2d", "toy/box", 3, 2000],
  ] as const)("%s with %s at lambda = %d", async (modelId, rewardId, rewardScale, n) => {
    const environment = await make(modelId, rewardId, { rewardScale, steps: 40 });
    const { mixture, scheduler } = environment.baseModel as GaussianMixtureModel;
    const tilt = new ExactTilt({ mixture, reward: environment.reward as ToyReward, rewardScale });
    environment.controlPolicy = new ValuePolicy({ value: new ExactValue(tilt, scheduler), scheduler });
    const sample = await environment.sample(n, { seed: 12 });
    const report = tiltReport(sample.latent.data, tilt);
    const shift = Math.abs(tilt.expectedReward - tilt.baseExpectedReward);
    expect(Math.abs(report.reward.mean - tilt.expectedReward)).toBeLessThan(
      4 * report.reward.standardError + 0.03 * shift,
    );
    expect(shift).toBeGreaterThan(8 * report.reward.standardError);
    const energy = klPath(sample);
    expect(Math.abs(energy.mean - tilt.klTiltedBase)).toBeLessThan(4 * energy.standardError + 0.05 * tilt.klTiltedBase);
  });

  it("a reward in the plane by quadrature steers too, slowly", async () => {
    const rewardScale = 2;
    const environment = await make("toy/gmm2d", "toy/ring", { rewardScale, steps: 12 });
    const { mixture, scheduler } = environment.baseModel as GaussianMixtureModel;
    const tilt = new ExactTilt({ mixture, reward: environment.reward as ToyReward, rewardScale });
    const before = (await environment.sample(12, { seed: 3 })).rewards;
    environment.controlPolicy = new ValuePolicy({ value: new ExactValue(tilt, scheduler), scheduler });
    const after = (await environment.sample(12, { seed: 3 })).rewards;
    const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value / values.length, 0);
    expect(mean(after)).toBeGreaterThan(mean(before) + 0.3);
  });

  it("what is wrong comes as the package's own errors", async () => {
    const environment = await make("toy/gmm2d", "toy/linear", { reward: { direction: [1, 2, 3] } });
    const error = await environment.sample(2).catch((thrown: unknown) => thrown);
    expect(isErrorNamed(error, "ShapeError")).toBe(true);
    const { mixture } = environment.baseModel as GaussianMixtureModel;
    expect(() => new ExactTilt({ mixture, reward: environment.reward as ToyReward })).toThrow(
      expect.objectContaining({ name: "ShapeError" }),
    );
  });
});
