import { convertOutput, outputTypes, RandomKey } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { GaussianMixture, pathPoint } from "../../src/mixture/index.js";
import { goldenMixture, type MixtureName, relativeError } from "../fixtures/gmm.js";
import { scheduleNames, schedulers } from "../fixtures/schedulers.js";

const mixtures = ["gmm1d", "gmm2dIso", "gmm2dFull"] as const satisfies readonly MixtureName[];
const times = [0.02, 0.3, 0.7, 0.97];

/** Points drawn from p_t. */
function states(name: MixtureName, schedule: (typeof scheduleNames)[number], t: number): Float64Array {
  const mixture = goldenMixture(name);
  const scheduler = schedulers[schedule];
  const streams = RandomKey.fromSeed(3).streams();
  const noise = RandomKey.fromSeed(4).stream();
  return mixture.sample(6, streams).map((x1) => scheduler.alpha(t) * x1 + scheduler.beta(t) * noise.normal());
}

// METHODS T2: the identities of 0.1 and 0.2, for 4 outputs x 4 schedules.
describe.each(scheduleNames)("identities under %s", (schedule) => {
  const scheduler = schedulers[schedule];

  it.each(mixtures)("%s: x = alpha D + beta eps, v = kappa x + eta s, s = -eps / beta", (name) => {
    for (const t of times) {
      const x = states(name, schedule, t);
      const noised = goldenMixture(name).atTime(scheduler, t);
      const [v, e, d, s] = outputTypes.map((type) => noised.output(type, x)) as [
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
      ];
      const { alpha, beta } = pathPoint(scheduler, t);
      expect(
        relativeError(
          d.map((entry, j) => alpha * entry + beta * e[j]!),
          x,
          1,
        ),
      ).toBeLessThan(1e-12);
      const fromScore = s.map((entry, j) => scheduler.kappa(t) * x[j]! + scheduler.eta(t) * entry);
      expect(relativeError(fromScore, v, 10)).toBeLessThan(1e-11);
      expect(
        relativeError(
          e.map((entry) => -entry / beta),
          s,
          1,
        ),
      ).toBeLessThan(1e-11);
    }
  });

  it.each(mixtures)("%s: core's conversions between the four outputs agree with the closed forms", (name) => {
    for (const t of times) {
      const x = states(name, schedule, t);
      const noised = goldenMixture(name).atTime(scheduler, t);
      for (const from of outputTypes) {
        for (const to of outputTypes) {
          const { state, output } = convertOutput(from, to, scheduler, t);
          const converted = noised.output(from, x).map((entry, j) => state * x[j]! + output * entry);
          // eps -> D divides by alpha and D -> eps by beta: the floor is their condition number
          expect(relativeError(converted, noised.output(to, x), Math.abs(state) + 1)).toBeLessThan(1e-10);
        }
      }
    }
  });

  it.each(mixtures)("%s: the score is the gradient of log p_t, and the divergence that of the output", (name) => {
    const h = 1e-5;
    for (const t of times) {
      const x = states(name, schedule, t);
      const mixture = goldenMixture(name);
      const noised = mixture.atTime(scheduler, t);
      const d = mixture.dimension;
      const score = noised.output("score", x);
      const shifted = (a: number, by: number): Float64Array => x.map((entry, j) => entry + (j % d === a ? by : 0));
      const numericScore = x.map((_, j) => {
        const [i, a] = [Math.floor(j / d), j % d];
        return (noised.logDensity(shifted(a, h))[i]! - noised.logDensity(shifted(a, -h))[i]!) / (2 * h);
      });
      expect(relativeError(numericScore, score, 1)).toBeLessThan(1e-6);
      for (const type of outputTypes) {
        const numeric = new Float64Array(x.length / d);
        for (let a = 0; a < d; a++) {
          const [up, down] = [noised.output(type, shifted(a, h)), noised.output(type, shifted(a, -h))];
          for (let i = 0; i < numeric.length; i++) {
            numeric[i]! += (up[i * d + a]! - down[i * d + a]!) / (2 * h);
          }
        }
        expect(relativeError(numeric, noised.divergence(type, x), 1)).toBeLessThan(1e-6);
      }
    }
  });

  it.each(mixtures)("%s: d log p_t / dt = -div v - v . s (continuity equation)", (name) => {
    const h = 1e-5;
    for (const t of times) {
      const x = states(name, schedule, t);
      const mixture = goldenMixture(name);
      const d = mixture.dimension;
      const noised = mixture.atTime(scheduler, t);
      const [velocity, score] = [noised.output("velocity", x), noised.output("score", x)];
      const [later, earlier] = [t + h, t - h].map((time) => mixture.atTime(scheduler, time).logDensity(x));
      const expected = noised.divergence("velocity", x).map((divergence, i) => {
        let advection = 0;
        for (let a = 0; a < d; a++) {
          advection += velocity[i * d + a]! * score[i * d + a]!;
        }
        return -divergence - advection;
      });
      expect(
        relativeError(
          expected.map((_, i) => (later![i]! - earlier![i]!) / (2 * h)),
          expected,
          1,
        ),
      ).toBeLessThan(1e-5);
    }
  });

  it.each(mixtures)(
    "%s: posterior means average to the endpoint, posterior covariances obey Tweedie's second formula",
    (name) => {
      const t = 0.6;
      const mixture = goldenMixture(name);
      const d = mixture.dimension;
      const { alpha, beta } = pathPoint(scheduler, t);
      const noised = mixture.atTime(scheduler, t);
      const x = states(name, schedule, t);
      for (let i = 0; i < x.length / d; i++) {
        const row = x.slice(i * d, (i + 1) * d);
        const posterior = new GaussianMixture(noised.posterior(row));
        expect(relativeError(posterior.mean(), noised.output("endpoint", row), 1)).toBeLessThan(1e-12);
        // div D = (alpha / beta^2) tr Cov(x1 | x_t)
        const covariance = posterior.covariance();
        const trace = Array.from({ length: d }, (_, a) => covariance[a * d + a]!).reduce(
          (sum, entry) => sum + entry,
          0,
        );
        expect(noised.divergence("endpoint", row)[0]! / ((alpha / beta ** 2) * trace)).toBeCloseTo(1, 9);
      }
    },
  );

  it("is finite at t = 0 and t = 1, where it is the noise and the data", () => {
    const mixture = goldenMixture("gmm2dFull");
    const x = Float64Array.of(0.4, -1.1);
    for (const type of outputTypes) {
      for (const t of [0, 1]) {
        expect(mixture.atTime(scheduler, t).output(type, x).every(Number.isFinite)).toBe(true);
      }
    }
    expect(relativeError(mixture.atTime(scheduler, 1).output("endpoint", x), x)).toBeLessThan(1e-9);
    expect(relativeError(mixture.atTime(scheduler, 1).logDensity(x), mixture.logDensity(x))).toBeLessThan(1e-9);
    const noise = mixture.atTime(scheduler, 0);
    expect(noise.output("epsilon", x)[0]).toBeCloseTo(x[0]!, schedule === "vp" ? 1 : 12);
  });
});
