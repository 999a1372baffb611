import { describe, expect, it } from "vitest";
import { ExactTilt } from "../../src/tilt/index.js";
import { golden, goldenForm, goldenMixture, relativeError, type TiltCase, type ValueCase } from "../fixtures/gmm.js";
import { schedulers } from "../fixtures/schedulers.js";

const tilts = new Map<string, ExactTilt>();

function tiltOf({ mixture, reward, lambda }: TiltCase | ValueCase): ExactTilt {
  const key = `${mixture} ${reward} ${lambda}`;
  const tilt =
    tilts.get(key) ??
    new ExactTilt({ mixture: goldenMixture(mixture), reward: goldenForm(reward), rewardScale: lambda });
  tilts.set(key, tilt);
  return tilt;
}

// analytic/gmm.json, `tilts`, `values`, `bestOfN`: all 33 + 396 + 15 cases, tolerance 1e-9 (METHODS T1).
describe("tilts of analytic/gmm.json", () => {
  it("holds all cases", () => {
    expect([golden.tilts.length, golden.values.length, golden.bestOfN.length]).toEqual([33, 396, 15]);
  });

  it.each(golden.tilts.map((tilt) => [`${tilt.mixture} ${tilt.reward} lambda=${tilt.lambda}`, tilt] as const))(
    "%s",
    (_, expected) => {
      const tilt = tiltOf(expected);
      expect(relativeError([tilt.logNormalizer], [expected.logZ])).toBeLessThan(1e-9);
      expect(relativeError(tilt.tiltedWeights, expected.tiltedWeights.data, 1e-9)).toBeLessThan(1e-9);
      expect(relativeError([tilt.baseExpectedReward], [expected.expectedRewardBase])).toBeLessThan(1e-9);
      expect(relativeError([tilt.expectedReward], [expected.expectedRewardTilted])).toBeLessThan(1e-9);
      expect(relativeError([tilt.klTiltedBase], [expected.klTiltedBase])).toBeLessThan(1e-9);
      expect(tilt.tilted === undefined).toBe(expected.tiltedMeans === undefined);
      if (tilt.tilted !== undefined) {
        const covariances = Array.from(tilt.tilted.weights, (_, k) => [...tilt.tilted!.covarianceOf(k)]).flat();
        expect(relativeError(tilt.tilted.means, expected.tiltedMeans!.data)).toBeLessThan(1e-9);
        expect(relativeError(covariances, expected.tiltedCovariances!.data)).toBeLessThan(1e-9);
      }
    },
  );
});

describe("values and optimal controls of analytic/gmm.json", () => {
  const groups = new Map<string, ValueCase[]>();
  for (const value of golden.values) {
    const name = `${value.mixture} ${value.reward} lambda=${value.lambda}`;
    groups.set(name, [...(groups.get(name) ?? []), value]);
  }

  it.each([...groups])("%s, every schedule and time", (_, cases) => {
    for (const expected of cases) {
      const tilt = tiltOf(expected);
      const scheduler = schedulers[expected.schedule];
      const [x, t] = [expected.x.data, expected.t];
      expect(relativeError(tilt.value(x, scheduler, t), expected.value.data)).toBeLessThan(1e-9);
      expect(relativeError(tilt.valueGradient(x, scheduler, t), expected.valueGradient.data)).toBeLessThan(1e-9);
      expect(relativeError(tilt.optimalControl(x, scheduler, t), expected.optimalControl.data)).toBeLessThan(1e-9);
      for (const [type, field] of [
        ["velocity", "optimalVelocity"],
        ["epsilon", "optimalEpsilon"],
        ["endpoint", "optimalEndpoint"],
        ["score", "optimalScore"],
      ] as const) {
        expect(relativeError(tilt.optimalOutput(type, x, scheduler, t), expected[field].data)).toBeLessThan(1e-9);
      }
    }
  });
});

describe("best-of-n of analytic/gmm.json", () => {
  it.each(golden.bestOfN.map((best) => [`${best.mixture} n=${best.n}`, best] as const))("%s", (_, best) => {
    const tilt = new ExactTilt({ mixture: goldenMixture(best.mixture), reward: goldenForm(best.reward) });
    expect(relativeError([tilt.bestOfN(best.n)], [best.expectedMaxReward])).toBeLessThan(1e-9);
    expect(Math.log(best.n) - (best.n - 1) / best.n).toBeCloseTo(best.klBound, 12);
  });
});
