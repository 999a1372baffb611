import { DDTensor } from "@diffusiongym/core";
import { explicitTarget, implicitTarget, reinforceTarget } from "@diffusiongym/methods";
import { ExactTilt, type GaussianMixtureModel, LinearReward, wasserstein1d } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { s1 } from "../support/problems.js";
import {
  baseField,
  conditionalMoments,
  damped,
  equivalentScale,
  type Field,
  meanOf,
  particles,
  update,
} from "./particles.js";

const { environment } = await s1(8);
const { mixture } = environment.baseModel as GaussianMixtureModel;
const tiltAt = (rewardScale: number): ExactTilt => new ExactTilt({ mixture, reward: new LinearReward(), rewardScale });
const base = baseField(tiltAt(1));

/** The lambda that a field is worth by its mean reward. */
const worth = (field: Field): number => equivalentScale(tiltAt, meanOf(particles(field)));

/** Quantiles of an exact tilt, for distances. */
const tiltedSamples = (rewardScale: number): Float64Array =>
  Float64Array.from(
    particles(baseField({ ...tiltAt(rewardScale), mixture: tiltAt(rewardScale).tilted! } as ExactTilt)),
  );

/** Means of a target over the pairs that particles make at one state; rows are particles. */
const meanTarget = (
  x: number,
  t: number,
  x1: Float64Array,
  target: (conditional: DDTensor, posterior: Float64Array) => DDTensor,
): number => {
  const logs = x1.map((value) => -((x - t * value) ** 2) / (2 * (1 - t) ** 2));
  const most = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = logs.map((value) => Math.exp(value - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  const posterior = weights.map((weight) => weight / sum);
  const conditional = DDTensor.from(
    Array.from(x1, (value) => (value - x) / (1 - t)),
    [x1.length, 1],
  );
  return target(conditional, posterior).data.reduce((total, value, i) => total + posterior[i]! * value, 0);
};

const rowsOf = (value: number, n: number): DDTensor => DDTensor.from(new Array<number>(n).fill(value), [n, 1]);

// METHODS 1.13, 1.14 and 4.5 (A3, A5): infinite capacity, the mean reward read as a lambda.
describe("fixed points on S1, where every regression is exact", () => {
  it.each([
    [0.3, 0.287],
    [0.5, 0.435],
    [1, 0.708],
  ])("A3: RAM with the conditional baseline at lambda = %f is worth %f", (lambda, expected) => {
    let field = base;
    let x1 = particles(field, 400);
    for (let round = 0; round < 11; round++) {
      const moments = conditionalMoments(x1);
      const target = update(moments, (own, k, column) => base[k]![column]! + lambda * own.covariance);
      field = damped(field, target, 0.4);
      x1 = particles(field, 400);
    }
    expect(Math.abs(worth(field) - expected)).toBeLessThan(0.01);

    // The code's own target is stationary there: its mean is the field, at a state where both modes count.
    const [x, t, reference, output] = [0.5, 0.4, 1.3, 0.7];
    const mean = (values: Float64Array, posterior: Float64Array): number =>
      values.reduce((sum, value, i) => sum + posterior[i]! * value, 0);
    const target = meanTarget(x, t, x1, (conditional, posterior) => {
      const expectedReward = mean(x1, posterior);
      return reinforceTarget(
        { reference: rowsOf(reference, x1.length), output: rowsOf(output, x1.length), conditional },
        x1.map((reward) => lambda * (reward - expectedReward)),
      );
    });
    const covariance = meanTarget(x, t, x1, (conditional, posterior) => {
      const expectedReward = mean(x1, posterior);
      return conditional.scale(x1.map((reward) => reward - expectedReward));
    });
    expect(target).toBeCloseTo(reference + lambda * covariance, 4);
  });

  it("A3: RAM with the mean as baseline converges at lambda = .2, to .197", () => {
    const lambda = 0.2;
    let field = base;
    for (let round = 0; round < 9; round++) {
      const x1 = particles(field, 400);
      const centre = meanOf(x1);
      const target = update(
        conditionalMoments(x1),
        (own, k, column) =>
          base[k]![column]! +
          lambda * own.covariance +
          lambda * (own.meanReward - centre) * (own.meanVelocity - field[k]![column]!),
      );
      field = damped(field, target, 0.5);
    }
    expect(Math.abs(worth(field) - 0.197)).toBeLessThan(0.01);
  });

  it("A5: RAM as a trapezoid is worth .948 at lambda = 1", () => {
    const middle = update(
      conditionalMoments(particles(base, 400)),
      (own, k, column) => base[k]![column]! + own.covariance / 2,
    );
    let field = middle;
    for (let round = 0; round < 11; round++) {
      const target = update(
        conditionalMoments(particles(field, 400)),
        (own, k, column) => middle[k]![column]! + own.covariance / 2,
      );
      field = damped(field, target, 0.4);
    }
    expect(Math.abs(worth(field) - 0.948)).toBeLessThan(0.01);
  });

  it.each([
    [4, 1.138],
    [16, 1.031],
  ])("A5: explicit tilt matching in %i steps is worth %f", (stages, expected) => {
    let field = base;
    for (let stage = 0; stage < stages; stage++) {
      const moments = conditionalMoments(particles(field));
      const old = field;
      field = update(moments, (own, k, column) => old[k]![column]! + own.covariance / stages);
    }
    expect(Math.abs(worth(field) - expected)).toBeLessThan(0.01);
  });

  it.each([1, 2, 4, 8])("A5: implicit tilt matching in %i steps is the tilt", (stages) => {
    let field = base;
    for (let stage = 0; stage < stages; stage++) {
      field = update(conditionalMoments(particles(field, 1000), 1 / stages), ({ tilted }) => tilted);
    }
    expect(Math.abs(worth(field) - 1)).toBeLessThan(0.01);
    expect(wasserstein1d(particles(field), tiltedSamples(1), 1)).toBeLessThan(0.02);
  });

  it("A5: these are the means of the code's targets", () => {
    const x1 = particles(base);
    const [x, t, old] = [-0.5, 0.5, 0.9];
    const n = x1.length;
    const h = 0.25;
    const outputs = (conditional: DDTensor) => ({ old: rowsOf(old, n), conditional });
    const factors = x1.map((reward) => Math.exp(h * (reward - 0.2)));
    const implicit = (output: number): number =>
      meanTarget(x, t, x1, (conditional) => implicitTarget(outputs(conditional), rowsOf(output, n), factors));
    // With a consistent old velocity the number that is its own target is E[w u] / E[w].
    const consistent = meanTarget(x, t, x1, (conditional) => conditional);
    const at = (output: number): number => implicit(output) - old + consistent;
    const fixed = at(0) / (1 - (at(1) - at(0)));
    const tilted = meanTarget(x, t, x1, (conditional) => conditional.scale(factors));
    const norm = meanTarget(x, t, x1, (conditional) => conditional.onesLike().scale(factors));
    expect(fixed).toBeCloseTo(tilted / norm, 4);
    const explicit = meanTarget(x, t, x1, (conditional) =>
      explicitTarget(
        { old: rowsOf(consistent, n), conditional },
        x1.map((reward) => h * (reward - 0.2)),
      ),
    );
    const reward = meanTarget(x, t, x1, (conditional) => conditional.onesLike().scale(x1));
    const product = meanTarget(x, t, x1, (conditional) => conditional.scale(x1));
    expect(explicit).toBeCloseTo(consistent + h * (product - reward * consistent), 4);
  });
});
