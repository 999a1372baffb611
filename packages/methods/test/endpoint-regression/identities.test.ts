import { Cosine, OptimalTransport, type Scheduler, Trigonometric } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { s1Mixture } from "../support/problems.js";

// The S1 mixture as a sum over a fine grid: both identities hold for any law of the endpoint.
const points = Array.from({ length: 3001 }, (_, i) => -7 + (14 * i) / 3000);
const density = points.map((x) =>
  s1Mixture.weights.reduce((sum, weight, k) => {
    const z = (x - s1Mixture.means[k]!) / s1Mixture.standardDeviations[k]!;
    return sum + (weight / s1Mixture.standardDeviations[k]!) * Math.exp((-z * z) / 2);
  }, 0),
);

/** E[f(x1, u_c) | x_t = x] under the law tilted by exp(lambda r), r = x1. */
function conditional(
  scheduler: Scheduler,
  { x, t, lambda = 0 }: { x: number; t: number; lambda?: number },
  f: (x1: number, velocity: number) => number,
): number {
  const [alpha, beta] = [scheduler.alpha(t), scheduler.beta(t)];
  let [sum, norm] = [0, 0];
  points.forEach((x1, i) => {
    const x0 = (x - alpha * x1) / beta;
    const weight = density[i]! * Math.exp(lambda * x1 - (x0 * x0) / 2);
    norm += weight;
    sum += weight * f(x1, scheduler.alphaDot(t) * x1 + scheduler.betaDot(t) * x0);
  });
  return sum / norm;
}

const schedulers: readonly Scheduler[] = [new OptimalTransport(), new Trigonometric(), new Cosine(1)];

describe("METHODS, part II: the identities behind regressions on endpoints", () => {
  it("A1: eta d/dx E[f | x] = Cov(f, u_c | x)", () => {
    for (const scheduler of schedulers) {
      for (const f of [(x: number) => x, (x: number) => x * x, (x: number) => Number(x > 1)]) {
        for (const [x, t] of [
          [-1, 0.3],
          [0.4, 0.5],
          [1.5, 0.8],
        ] as const) {
          const mean = (at: number): number => conditional(scheduler, { x: at, t }, f);
          const slope = (mean(x + 1e-4) - mean(x - 1e-4)) / 2e-4;
          const velocity = conditional(scheduler, { x, t }, (_, u) => u);
          const covariance = conditional(scheduler, { x, t }, (x1, u) => f(x1) * u) - mean(x) * velocity;
          expect(Math.abs(scheduler.eta(t) * slope - covariance)).toBeLessThan(1e-5);
        }
      }
    }
  });

  it("A2: d v / d lambda = Cov(r, u_c | x) under the tilt by lambda", () => {
    for (const scheduler of schedulers) {
      for (const [x, t, lambda] of [
        [-1, 0.3, 0],
        [0.4, 0.5, 0.5],
        [1.5, 0.8, 1],
      ] as const) {
        const velocity = (at: number): number => conditional(scheduler, { x, t, lambda: at }, (_, u) => u);
        const slope = (velocity(lambda + 1e-4) - velocity(lambda - 1e-4)) / 2e-4;
        const mean = conditional(scheduler, { x, t, lambda }, (x1) => x1);
        const covariance = conditional(scheduler, { x, t, lambda }, (x1, u) => x1 * u) - mean * velocity(lambda);
        expect(Math.abs(slope - covariance)).toBeLessThan(1e-5);
      }
    }
  });
});
