import { RandomKey } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import {
  ExactTilt,
  GaussianMixture,
  HalfSpaceReward,
  LinearReward,
  meanEstimate,
  RingReward,
  type ToyReward,
  tiltReport,
} from "../../src/index.js";
import { fourModes, s1 } from "../fixtures/s1.js";

const cube = GaussianMixture.from({
  means: [
    [0, 0, 0],
    [3, 0, 0],
  ],
  standardDeviations: [1, 0.5],
});

describe("tiltReport", () => {
  const cases: readonly [string, GaussianMixture, ToyReward, number][] = [
    ["a tilted mixture on the line", s1, new LinearReward(), 1],
    ["a half-line, by quadrature", s1, new HalfSpaceReward(), 2],
    ["a tilted mixture in the plane", fourModes, new LinearReward(), 0.5],
    ["a ring in the plane, against counted exact samples", fourModes, new RingReward(), 1],
    ["a half-space in three dimensions, against counted exact samples", cube, new HalfSpaceReward(), 1],
  ];

  it.each(cases)("gives exact samples of %s a distance within the noise", (_, mixture, reward, rewardScale) => {
    const n = 20_000;
    const tilt = new ExactTilt({ mixture, reward, rewardScale });
    const report = tiltReport(tilt.sample(n, RandomKey.fromSeed(17).streams()), tilt);
    expect(report.count).toBe(n);
    expect(report.exactModeWeights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9);
    report.exactModeWeights.forEach((exact, j) => {
      // the 200 000 reference samples have a third of the error of these 20 000
      const error = Math.sqrt((exact * (1 - exact)) / n) * 1.05;
      expect(Math.abs(report.modeWeights[j]! - exact)).toBeLessThan(4 * error + 1e-9);
    });
    const difference = report.modeWeights.map((weight, j) => Math.abs(weight - report.exactModeWeights[j]!));
    expect(report.totalVariation).toBeCloseTo(difference.reduce((sum, value) => sum + value, 0) / 2, 12);
    expect(Math.abs(report.reward.mean - report.exactReward)).toBeLessThan(4 * report.reward.standardError);
    const base = tiltReport(mixture.sample(n, RandomKey.fromSeed(18).streams()), tilt);
    expect(Math.abs(base.reward.mean - report.exactReward)).toBeGreaterThan(10 * base.reward.standardError);
  });

  it("refuses points that are not finite, instead of counting them in a mode", () => {
    const tilt = new ExactTilt({ mixture: fourModes, reward: new LinearReward(), rewardScale: 1 });
    expect(() => tiltReport(Float32Array.of(1, 1, Number.NaN, 1), tilt)).toThrow(
      expect.objectContaining({ name: "NonFiniteError", message: expect.stringContaining("number 2 is NaN") }),
    );
    expect(() => meanEstimate([1, Number.POSITIVE_INFINITY])).toThrow("NaN or infinity");
    expect(meanEstimate([1, Number.NaN, 3], [1, 0, 1]).mean).toBe(2);
  });
});
