import { RandomKey } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { BoxForm, FunctionForm, type RewardForm } from "../../src/forms/index.js";
import { GaussianMixture } from "../../src/mixture/index.js";
import { BimodalReward, GaussianReward, RingReward } from "../../src/rewards/index.js";
import { ExactTilt } from "../../src/tilt/index.js";
import { goldenForm, goldenMixture, type MixtureName, relativeError } from "../fixtures/gmm.js";
import { scheduleNames, schedulers } from "../fixtures/schedulers.js";

const cases: readonly [MixtureName, string, RewardForm][] = [
  ...(["linear1d", "quad1d", "half1d", "box1d"] as const).map(
    (reward) => ["gmm1d", reward, goldenForm(reward)] as [MixtureName, string, RewardForm],
  ),
  ["gmm1d", "toy/gaussian", new GaussianReward().form(1)],
  ["gmm1d", "toy/bimodal", new BimodalReward().form(1)],
  ["gmm2dIso", "box2d", goldenForm("box2d")],
  ["gmm2dFull", "quad2d", goldenForm("quad2d")],
  ["gmm2dFull", "half2d", goldenForm("half2d")],
  ["gmm2dFull", "a box across correlated axes", new BoxForm(Float64Array.of(-0.5, 0), Float64Array.of(1.5, 2))],
  ["gmm2dFull", "toy/ring", new RingReward({ radius: 1.5 }).form(2)],
];

const points: Record<number, Float64Array> = {
  1: Float64Array.of(-1.7, -0.2, 0.6, 1.9),
  2: Float64Array.of(-1.1, 0.4, 0.7, 1.2, 0.3, -1.5),
};

// METHODS T2: identities of the value function, for every kind of reward.
describe.each(cases)("%s, %s", (name, _, form) => {
  const mixture = goldenMixture(name);
  const d = mixture.dimension;
  const x = points[d]!;
  const rewardScale = 0.8;
  const tilt = new ExactTilt({ mixture, reward: form, rewardScale });

  it("V(x, 0) = -log Z for every x", () => {
    for (const schedule of ["ot", "gvp", "cosine"] as const) {
      const values = tilt.value(x, schedulers[schedule], 0);
      expect(
        relativeError(
          values,
          values.map(() => -tilt.logNormalizer),
          1,
        ),
      ).toBeLessThan(1e-10);
      expect(tilt.valueGradient(x, schedulers[schedule], 0).every((entry) => Math.abs(entry) < 1e-12)).toBe(true);
    }
  });

  it("V(x, 1) = -lambda r(x)", () => {
    const values = tilt.value(x, schedulers.ot, 1);
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(-rewardScale * form.value(x, i * d), 10);
    });
  });

  it.each(scheduleNames)(
    "under %s: grad V by differences, and the Hamilton-Jacobi-Bellman residual below 1e-5",
    (schedule) => {
      const scheduler = schedulers[schedule];
      const h = 1e-4;
      for (const t of [0.2, 0.5, 0.8]) {
        const gradient = tilt.valueGradient(x, scheduler, t);
        const shifted = (a: number, by: number): Float64Array => x.map((entry, j) => entry + (j % d === a ? by : 0));
        const velocity = mixture.atTime(scheduler, t).output("velocity", x);
        const variance = 2 * scheduler.eta(t);
        const later = tilt.value(x, scheduler, t + h);
        const earlier = tilt.value(x, scheduler, t - h);
        const residual = later.map((value, i) => (value - earlier[i]!) / (2 * h));
        const scale = residual.map(Math.abs);
        for (let a = 0; a < d; a++) {
          const up = tilt.at(pathAt(schedule, t));
          const [valueUp, valueDown] = [up.value(shifted(a, h)), up.value(shifted(a, -h))];
          const [slopeUp, slopeDown] = [up.gradient(shifted(a, h)), up.gradient(shifted(a, -h))];
          for (let i = 0; i < residual.length; i++) {
            const j = i * d + a;
            const numeric = (valueUp[i]! - valueDown[i]!) / (2 * h);
            expect(Math.abs(numeric - gradient[j]!)).toBeLessThan(1e-6 * (1 + Math.abs(gradient[j]!)));
            const curvature = (slopeUp[j]! - slopeDown[j]!) / (2 * h);
            const drift = 2 * velocity[j]! - scheduler.kappa(t) * x[j]!;
            const terms = [drift * gradient[j]!, 0.5 * variance * curvature, -0.5 * variance * gradient[j]! ** 2];
            for (const term of terms) {
              residual[i]! += term;
              scale[i]! += Math.abs(term);
            }
          }
        }
        residual.forEach((value, i) => {
          expect(Math.abs(value)).toBeLessThan(1e-5 * (1 + scale[i]!));
        });
      }
    },
  );

  it("E*[r] = d log Z / d lambda, and KL* = lambda E*[r] - log Z", () => {
    const h = 1e-4;
    const [up, down] = [h, -h].map(
      (by) => new ExactTilt({ mixture, reward: form, rewardScale: rewardScale + by }).logNormalizer,
    );
    expect((up! - down!) / (2 * h)).toBeCloseTo(tilt.expectedReward, 6);
    expect(tilt.klTiltedBase).toBeCloseTo(rewardScale * tilt.expectedReward - tilt.logNormalizer, 12);
    expect(tilt.klTiltedBase).toBeGreaterThan(0);
  });

  it("exact samples have the expected reward, and the importance-weighted base the stated ESS", () => {
    const n = 20_000;
    if (tilt.tilted === undefined && !Number.isFinite(form.supremum)) {
      return;
    }
    const samples = tilt.sample(n, RandomKey.fromSeed(2).streams());
    const rewards = Float64Array.from({ length: n }, (_, i) => form.value(samples, i * d));
    const mean = rewards.reduce((sum, value) => sum + value / n, 0);
    const deviation = Math.sqrt(rewards.reduce((sum, value) => sum + (value - mean) ** 2 / n, 0));
    expect(Math.abs(mean - tilt.expectedReward)).toBeLessThan(4 * (deviation / Math.sqrt(n)));

    const base = mixture.sample(n, RandomKey.fromSeed(3).streams());
    const weights = Float64Array.from({ length: n }, (_, i) => Math.exp(rewardScale * form.value(base, i * d)));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const squares = weights.reduce((total, weight) => total + weight ** 2, 0);
    expect(Math.abs(sum ** 2 / (n * squares) - tilt.effectiveSampleFraction)).toBeLessThan(0.04);
  });

  it("the optimal outputs belong together: v* = kappa x + eta s*, x = alpha D* + beta eps*", () => {
    const scheduler = schedulers.gvp;
    const t = 0.4;
    const [v, e, endpoint, s] = (["velocity", "epsilon", "endpoint", "score"] as const).map((type) =>
      tilt.optimalOutput(type, x, scheduler, t),
    );
    const velocity = s!.map((entry, j) => scheduler.kappa(t) * x[j]! + scheduler.eta(t) * entry);
    const state = endpoint!.map((entry, j) => scheduler.alpha(t) * entry + scheduler.beta(t) * e![j]!);
    expect(relativeError(velocity, v!, 1)).toBeLessThan(1e-10);
    expect(relativeError(state, x, 1)).toBeLessThan(1e-10);
  });
});

function pathAt(schedule: (typeof scheduleNames)[number], t: number) {
  const scheduler = schedulers[schedule];
  return {
    alpha: scheduler.alpha(t),
    beta: scheduler.beta(t),
    alphaDot: scheduler.alphaDot(t),
    betaBetaDot: scheduler.beta(t) * scheduler.betaDot(t),
  };
}

describe("quadrature", () => {
  it.each([
    ["gmm1d", "linear1d", 3],
    ["gmm1d", "quad1d", 1],
    ["gmm2dIso", "linear2d", 1],
    ["gmm2dFull", "quad2d", 1],
  ] as const)("%s, %s at lambda = %d agrees with the closed form to 1e-10", (name, reward, rewardScale) => {
    const mixture = goldenMixture(name);
    const form = goldenForm(reward);
    const exact = new ExactTilt({ mixture, reward: form, rewardScale });
    const value = (x: Parameters<RewardForm["value"]>[0], at: number): number => form.value(x, at);
    const gradient: RewardForm["gradient"] = (x, at, out) => form.gradient(x, at, out);
    const x = points[mixture.dimension]!;
    for (const given of [
      { dimension: mixture.dimension, value, gradient },
      { dimension: mixture.dimension, value },
    ]) {
      const numeric = new ExactTilt({ mixture, reward: new FunctionForm(given), rewardScale });
      expect(numeric.logNormalizer).toBeCloseTo(exact.logNormalizer, 10);
      expect(numeric.expectedReward).toBeCloseTo(exact.expectedReward, 10);
      for (const t of [0.1, 0.9]) {
        const scheduler = schedulers.ot;
        expect(relativeError(numeric.value(x, scheduler, t), exact.value(x, scheduler, t))).toBeLessThan(1e-10);
        const gradients = numeric.valueGradient(x, scheduler, t);
        expect(relativeError(gradients, exact.valueGradient(x, scheduler, t))).toBeLessThan(1e-9);
      }
    }
  });

  it("resolves rewards that are half as wide as a component, to 1e-10 in 1-D and 1e-7 in 2-D", () => {
    const line = GaussianMixture.from({ means: [0, 3] });
    const bump = new GaussianReward({ mean: 0.3, standardDeviation: 0.5 });
    const form = bump.form(1);
    const tilt = new ExactTilt({ mixture: line, reward: bump, rewardScale: 3 });
    let integral = 0;
    for (let k = -12_000; k <= 15_000; k++) {
      const x = [k * 1e-3];
      integral += 1e-3 * Math.exp(line.logDensity(x)[0]! + 3 * form.value(x, 0));
    }
    expect(tilt.logNormalizer).toBeCloseTo(Math.log(integral), 10);

    const plane = GaussianMixture.from({ means: [[0.5, -0.2]] });
    const two = new BimodalReward({
      centers: [
        [0, 0.4],
        [1, -1],
      ],
      width: 0.5,
    });
    const numeric = new ExactTilt({ mixture: plane, reward: two, rewardScale: 2 });
    const planeForm = two.form(2);
    const h = 0.05;
    let mass = 0;
    for (let i = -160; i <= 160; i++) {
      const row = Float64Array.from({ length: 642 }, (_, j) => (j % 2 === 0 ? i * h : (Math.floor(j / 2) - 160) * h));
      plane.logDensity(row).forEach((logDensity, j) => {
        mass += h * h * Math.exp(logDensity + 2 * planeForm.value(row, 2 * j));
      });
    }
    expect(Math.abs(numeric.logNormalizer - Math.log(mass))).toBeLessThan(1e-7);
  });

  it("the tilted law integrates to 1 and its cells to the expected masses", () => {
    const tilt = new ExactTilt({ mixture: goldenMixture("gmm1d"), reward: goldenForm("box1d"), rewardScale: 2 });
    const n = 40_000;
    const masses = tilt.cellMasses();
    expect(masses.reduce((sum, mass) => sum + mass, 0)).toBeCloseTo(1, 12);
    const samples = tilt.sample(n, RandomKey.fromSeed(8).streams());
    const middle = samples.filter((x) => x > -0.75 && x < 1.5).length / n;
    expect(Math.abs(middle - masses[1]!)).toBeLessThan(4 * Math.sqrt((masses[1]! * (1 - masses[1]!)) / n));
    let integral = 0;
    for (let x = -6; x < 7; x += 1e-3) {
      integral += 1e-3 * Math.exp(tilt.logDensity([x + 5e-4])[0]!);
    }
    expect(integral).toBeCloseTo(1, 3);
  });

  it("best-of-n by ordered nodes is within 1e-3 of the exact linear answer", () => {
    const mixture = goldenMixture("gmm1d");
    const numeric = new ExactTilt({
      mixture,
      reward: new FunctionForm({ dimension: 1, value: (x, at) => x[at]! }),
    });
    const exact = new ExactTilt({ mixture, reward: goldenForm("linear1d") });
    expect(Math.abs(numeric.bestOfN(4) - exact.bestOfN(4))).toBeLessThan(1e-3);
  });
});

describe("refusals", () => {
  const mixture = goldenMixture("gmm1d");

  it.each([
    [
      "a reward scale that is not finite",
      () => new ExactTilt({ mixture, reward: goldenForm("linear1d"), rewardScale: Number.NaN }),
      "ArgumentError",
    ],
    ["a reward of another dimension", () => new ExactTilt({ mixture, reward: goldenForm("linear2d") }), "ShapeError"],
    [
      "a quadratic that outgrows the tails",
      () => new ExactTilt({ mixture, reward: goldenForm("quad1d"), rewardScale: -20 }),
      "ArgumentError",
    ],
    ["the gradient of an indicator", () => goldenForm("half1d").gradient([0], 0, new Float64Array(1)), "ArgumentError"],
    [
      "best of a fraction",
      () => new ExactTilt({ mixture, reward: goldenForm("linear1d") }).bestOfN(1.5),
      "ArgumentError",
    ],
    [
      "best-of-n of a quadratic reward",
      () => new ExactTilt({ mixture, reward: goldenForm("quad1d") }).bestOfN(2),
      "IncompatibleError",
    ],
    [
      "quadrature in three dimensions",
      () => new ExactTilt({ mixture: GaussianMixture.from({ means: [[0, 0, 0]] }), reward: new RingReward() }),
      "ArgumentError",
    ],
    [
      "a box across correlated axes in three dimensions",
      () =>
        new ExactTilt({
          mixture: GaussianMixture.from({
            means: [[0, 0, 0]],
            covariances: [
              [
                [1, 0.5, 0],
                [0.5, 1, 0],
                [0, 0, 1],
              ],
            ],
          }),
          reward: new BoxForm(Float64Array.of(0, 0, 0), Float64Array.of(1, 1, 1)),
        }),
      "ArgumentError",
    ],
    ["an empty box", () => new BoxForm(Float64Array.of(1), Float64Array.of(1)), "ArgumentError"],
    [
      "samples for an unbounded function",
      () =>
        new ExactTilt({ mixture, reward: new FunctionForm({ dimension: 1, value: (x, at) => x[at]! }) }).sample(
          1,
          RandomKey.fromSeed(0).streams(),
        ),
      "ArgumentError",
    ],
  ])("%s", (_, action, name) => {
    expect(action).toThrow(expect.objectContaining({ name }));
  });

  it("says 0 where E[e^{2 lambda r}] is infinite", () => {
    // the widest component (variance 0.25) has 1 + lambda P A = 1 - 3 * 0.8 * 0.25 > 0; at twice lambda it is negative
    const form = goldenForm("quad1d");
    const tilt = new ExactTilt({ mixture, reward: form, rewardScale: -3 });
    expect(tilt.effectiveSampleFraction).toBe(0);
  });
});
