import { OptimalTransport } from "@diffusiongym/core";
import { ExactTilt, GaussianMixture, LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { EndpointField } from "../support/endpoint-field.js";
import { s1Mixture } from "../support/problems.js";

const scheduler = new OptimalTransport();

/** E[x1 | x_t = x] of a mixture. */
const endpointOf = (mixture: GaussianMixture) => (x: number, t: number) =>
  mixture.atTime(scheduler, t).output("endpoint", [x])[0]!;

/** A round of efficient adjoint matching at infinite capacity, for r = x. */
function round(field: EndpointField, mixture: GaussianMixture, rewardScale: number): void {
  const force = field.particles.map((x1) => rewardScale + mixture.at(dataAt).output("score", [x1])[0]! + x1);
  field.round(0.2, [force], ({ x, t, means: [mean] }) => {
    const beta = 1 - t;
    return (t * x + beta * beta * mean!) / (t * t + beta * beta);
  });
}

const dataAt = { alpha: 1, beta: 0, alphaDot: 1, betaBetaDot: 0 };

/** The lambda of the tilt whose mean reward is given. */
function equivalentScale(mixture: GaussianMixture, reward: number): number {
  let [low, high] = [-1, 4];
  for (let k = 0; k < 40; k++) {
    const middle = (low + high) / 2;
    const { expectedReward } = new ExactTilt({ mixture, reward: new LinearReward(), rewardScale: middle });
    if (expectedReward < reward) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

// METHODS 4.5, A6.
describe("A6: the fixed point of efficient adjoint matching", () => {
  it("S1: the tilt stays where it is", () => {
    const mixture = GaussianMixture.from(s1Mixture);
    const tilt = new ExactTilt({ mixture, reward: new LinearReward(), rewardScale: 1 });
    const field = new EndpointField({ start: endpointOf(tilt.tilted!) });
    expect(
      Math.abs(
        equivalentScale(
          mixture,
          field.mean((x1) => x1),
        ) - 1,
      ),
    ).toBeLessThan(0.015);
    for (let k = 0; k < 100; k++) {
      round(field, mixture, 1);
    }
    expect(
      Math.abs(
        equivalentScale(
          mixture,
          field.mean((x1) => x1),
        ) - 1,
      ),
    ).toBeLessThan(0.015);
  });

  it("modes at -3 and 3: each is shifted, and none gains weight", () => {
    const mixture = GaussianMixture.from({ means: [-3, 3], standardDeviations: 0.3 });
    const field = new EndpointField({ start: endpointOf(mixture) });
    for (let k = 0; k < 60; k++) {
      round(field, mixture, 0.3);
    }
    const right = field.mean((x1) => (x1 > 0 ? 1 : 0));
    expect(right).toBeGreaterThan(0.45);
    // Exact: 0.858.
    expect(right).toBeLessThan(0.55);
    const centre = field.mean((x1) => Math.max(x1, 0)) / right;
    expect(Math.abs(centre - (3 + 0.3 * 0.09))).toBeLessThan(0.02);
  });
});
