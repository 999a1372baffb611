import { RandomKey } from "@diffusiongym/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxMass, cellMasses, GaussianMixture, type MixtureOptions, pathPoint } from "../../src/mixture/index.js";
import { goldenMixture, type MixtureName, relativeError } from "../fixtures/gmm.js";
import { schedulers } from "../fixtures/schedulers.js";

const names = ["gmm1d", "gmm2dIso", "gmm2dFull"] as const satisfies readonly MixtureName[];

describe("GaussianMixture.from", () => {
  it("takes the three ways of giving a spread", () => {
    const means = [
      [0, 0],
      [3, 1],
    ];
    const one = GaussianMixture.from({ means, standardDeviations: 0.5 });
    const each = GaussianMixture.from({ means, standardDeviations: [0.5, 0.5] });
    const axis = GaussianMixture.from({
      means,
      standardDeviations: [
        [0.5, 0.5],
        [0.5, 0.5],
      ],
    });
    const full = GaussianMixture.from({
      means,
      covariances: [
        [
          [0.25, 0],
          [0, 0.25],
        ],
        [
          [0.25, 0],
          [0, 0.25],
        ],
      ],
    });
    for (const mixture of [each, axis, full]) {
      expect(mixture.variances).toEqual(one.variances);
      expect(mixture.axes).toBeUndefined();
    }
    expect(GaussianMixture.from({ means: [0, 3] }).variances).toEqual(Float64Array.of(1, 1));
    expect(GaussianMixture.from({ means: [0, 3], weights: [1, 3] }).weights).toEqual(Float64Array.of(0.25, 0.75));
  });

  it.each(names)("%s survives a round trip through JSON", (name) => {
    const mixture = goldenMixture(name);
    const back = GaussianMixture.from(JSON.parse(JSON.stringify(mixture)));
    const x = mixture.sample(5, RandomKey.fromSeed(0).streams());
    expect(relativeError(back.logDensity(x), mixture.logDensity(x))).toBeLessThan(1e-12);
  });

  it.each([
    ["no components", { means: [] }, "ArgumentError", "at least one component"],
    ["rows of different lengths", { means: [[0, 1], [2]] }, "ShapeError", "means[1] has 1 entries where 2"],
    ["a mean that is not finite", { means: [[0, Number.NaN]] }, "ArgumentError", "means[0] holds NaN"],
    ["too few weights", { means: [0, 3], weights: [1] }, "ShapeError", "weights has 1 entries for 2"],
    ["a negative weight", { means: [0, 3], weights: [2, -1] }, "ArgumentError", "[2, -1]"],
    ["weights that sum to nothing", { means: [0, 3], weights: [0, 0] }, "ArgumentError", "positive, finite sum"],
    ["a deviation of zero", { means: [0], standardDeviations: 0 }, "ArgumentError", "above 0"],
    [
      "an indefinite covariance",
      {
        means: [[0, 0]],
        covariances: [
          [
            [1, 2],
            [2, 1],
          ],
        ],
      },
      "ArgumentError",
      "eigenvalue",
    ],
    [
      "an asymmetric covariance",
      {
        means: [[0, 0]],
        covariances: [
          [
            [1, 0.1],
            [0.2, 1],
          ],
        ],
      },
      "ArgumentError",
      "not symmetric",
    ],
    ["a variance that underflows", { means: [0], standardDeviations: 1e-200 }, "ArgumentError", "double precision"],
    ["means that are no list", { means: 3 as never }, "ArgumentError", "means must be an array, got 3"],
    ["means of words", { means: [["a", "b"]] as never }, "ArgumentError", "means[0] holds a"],
    ["weights that are no list", { means: [0], weights: 1 as never }, "ArgumentError", "weights must be an array"],
    [
      "deviations that are a word",
      { means: [0], standardDeviations: "1" as never },
      "ArgumentError",
      'standardDeviations must be an array, got "1"',
    ],
    [
      "covariances that are no matrices",
      { means: [0], covariances: [[1]] as never },
      "ArgumentError",
      "covariances[0][0] must be an array",
    ],
    ["both spreads", { means: [0], covariances: [[[1]]], standardDeviations: 1 }, "ArgumentError", "not both"],
  ])("refuses %s", (_, options, name, message) => {
    expect(() => GaussianMixture.from(options)).toThrow(
      expect.objectContaining({ name, message: expect.stringContaining(message) }),
    );
  });

  it("takes typed arrays for what they hold", () => {
    const points = { means: [Float64Array.of(1, 2)], standardDeviations: [Float32Array.of(0.5, 2)] };
    const onLine = { means: Float64Array.of(0, 3), weights: Float32Array.of(1, 3) };
    const of = (options: object): GaussianMixture => GaussianMixture.from(options as MixtureOptions);
    expect(of(points)).toEqual(of({ means: [[1, 2]], standardDeviations: [[0.5, 2]] }));
    expect(of(onLine)).toEqual(of({ means: [0, 3], weights: [1, 3] }));
  });

  it("refuses points of another dimension", () => {
    expect(() => goldenMixture("gmm2dIso").logDensity([1, 2, 3])).toThrow(
      expect.objectContaining({ name: "ShapeError" }),
    );
  });
});

describe("the law", () => {
  it.each(names)("%s: samples have the mixture's mean and covariance within 4 standard errors", (name) => {
    const mixture = goldenMixture(name);
    const d = mixture.dimension;
    const n = 40_000;
    const x = mixture.sample(n, RandomKey.fromSeed(11).streams());
    const mean = mixture.mean();
    const covariance = mixture.covariance();
    for (let i = 0; i < d; i++) {
      let sum = 0;
      for (let row = 0; row < n; row++) {
        sum += x[row * d + i]! / n;
      }
      expect(Math.abs(sum - mean[i]!)).toBeLessThan(4 * Math.sqrt(covariance[i * d + i]! / n));
      for (let j = 0; j < d; j++) {
        let [product, fourth] = [0, 0];
        for (let row = 0; row < n; row++) {
          const term = (x[row * d + i]! - mean[i]!) * (x[row * d + j]! - mean[j]!);
          product += term / n;
          fourth += term ** 2 / n;
        }
        expect(Math.abs(product - covariance[i * d + j]!)).toBeLessThan(4 * Math.sqrt(fourth / n));
      }
    }
  });

  it("a sample depends on its own stream only", () => {
    const mixture = goldenMixture("gmm2dFull");
    const key = RandomKey.fromSeed(5);
    const whole = mixture.sample(7, key.streams());
    expect([...mixture.sample(3, key.streams()), ...mixture.sample(4, key.streams(3))]).toEqual([...whole]);
  });

  it("keeps its digits and its signs far in the tails", () => {
    const mixture = goldenMixture("gmm1d");
    const [left, right] = mixture.logDensity([-1000, 1000]) as unknown as [number, number];
    // the widest component owns both tails
    expect(left).toBeCloseTo(Math.log(0.2) - 0.5 * Math.log(2 * Math.PI * 0.25) - 1002.5 ** 2 / 0.5, 4);
    expect(right).toBeCloseTo(Math.log(0.2) - 0.5 * Math.log(2 * Math.PI * 0.25) - 997.5 ** 2 / 0.5, 4);
    expect([...mixture.atTime(schedulers.ot, 0.5).output("velocity", [-1e6, 1e6])].every(Number.isFinite)).toBe(true);
  });

  it("diagonal and full covariances give the same numbers", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 6, maxLength: 6 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (x, t) => {
          const parts = goldenMixture("gmm2dIso");
          const axes = new Float64Array(parts.components * 4);
          for (let k = 0; k < parts.components; k++) {
            axes.set([0.6, -0.8, 0.8, 0.6], 4 * k); // isotropic components: any axes are eigenvectors
          }
          const { dimension, weights, means, variances } = parts;
          const rotated = new GaussianMixture({ dimension, weights, means, variances, axes });
          const point = pathPoint(schedulers.ot, t);
          for (const type of ["velocity", "epsilon", "endpoint", "score"] as const) {
            expect(relativeError(rotated.at(point).output(type, x), parts.at(point).output(type, x), 1)).toBeLessThan(
              1e-11,
            );
          }
        },
      ),
      { seed: 7, numRuns: 50 },
    );
  });

  it("writes the same numbers into a 32-bit array, rounded", () => {
    const view = goldenMixture("gmm2dIso").atTime(schedulers.gvp, 0.4);
    const x = [0.3, -1.2, 2.2, 0.1];
    expect(view.output("velocity", x, new Float32Array(4))).toEqual(Float32Array.from(view.output("velocity", x)));
  });
});

describe("masses", () => {
  it("cells of the S1 tilt at lambda = 1 are those of METHODS 4.4", () => {
    const tilted = GaussianMixture.from({
      weights: [0.021873, 0.154369, 0.823758],
      means: [-1.84, 0.59, 2.75],
      standardDeviations: [0.4, 0.3, 0.5],
    });
    const masses = cellMasses(tilted, tilted.means);
    [0.0219, 0.167, 0.8111].forEach((mass, j) => {
      expect(masses[j]).toBeCloseTo(mass, 4);
    });
  });

  it.each(names)("%s: cells sum to 1 and agree with counted samples within 4 standard errors", (name) => {
    const mixture = goldenMixture(name);
    const d = mixture.dimension;
    const centres = d === 1 ? [-1, 0.2, 0.9, 3] : [-1, -1, 0.3, 1.4, 2, -0.7, 2, 1.9, -2.5, 2];
    const masses = cellMasses(mixture, centres);
    const n = 50_000;
    expect(masses.reduce((sum, mass) => sum + mass, 0)).toBeCloseTo(1, 11);
    const x = mixture.sample(n, RandomKey.fromSeed(21).streams());
    const counts = new Float64Array(masses.length);
    for (let row = 0; row < n; row++) {
      const distances = Array.from(masses, (_, j) => {
        let sum = 0;
        for (let a = 0; a < d; a++) {
          sum += (x[row * d + a]! - centres[j * d + a]!) ** 2;
        }
        return sum;
      });
      counts[distances.indexOf(Math.min(...distances))]!++;
    }
    masses.forEach((mass, j) => {
      expect(Math.abs(counts[j]! / n - mass)).toBeLessThan(4 * Math.sqrt((mass * (1 - mass)) / n) + 1e-12);
    });
  });

  it.each(["gmm2dIso", "gmm2dFull"] as const)("%s: cells with vertical and crossing borders to 1e-11", (name) => {
    const mixture = goldenMixture(name);
    const infinite = Number.POSITIVE_INFINITY;
    const left = boxMass(mixture, { lower: [-infinite, -infinite], upper: [0.35, infinite] });
    expect(Math.abs(cellMasses(mixture, [0, 1, 0.7, 1])[0]! - left)).toBeLessThan(1e-11);
    const corner = boxMass(mixture, { lower: [-infinite, -infinite], upper: [0.35, -0.6] });
    const crossing = cellMasses(mixture, [0, -1, 0.7, -1, 0, -0.2, 0.7, -0.2]);
    expect(Math.abs(crossing[0]! - corner)).toBeLessThan(1e-11);
  });

  it("a box of a correlated Gaussian agrees with the closed form of a quadrant", () => {
    const rho = 0.8;
    const mixture = GaussianMixture.from({
      means: [[0, 0]],
      covariances: [
        [
          [1, rho],
          [rho, 1],
        ],
      ],
    });
    const lower = [0, 0];
    const upper = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    expect(boxMass(mixture, { lower, upper })).toBeCloseTo(0.25 + Math.asin(rho) / (2 * Math.PI), 12);
  });

  it.each(names)("%s: boxes that share the plane sum to 1", (name) => {
    const mixture = goldenMixture(name);
    const edges = [Number.NEGATIVE_INFINITY, -1.3, 0.4, 2, Number.POSITIVE_INFINITY];
    let total = 0;
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < (mixture.dimension === 1 ? 1 : 4); j++) {
        const at = mixture.dimension === 1 ? [i] : [i, j];
        total += boxMass(mixture, { lower: at.map((a) => edges[a]!), upper: at.map((a) => edges[a + 1]!) });
      }
    }
    expect(total).toBeCloseTo(1, 11);
  });

  it("refuses what has no exact answer, in words", () => {
    const cube = GaussianMixture.from({ means: [[0, 0, 0]] });
    expect(() => cellMasses(cube, cube.means)).toThrow(/modeWeights/);
    expect(() => boxMass(cube, { lower: [0], upper: [1] })).toThrow(expect.objectContaining({ name: "ShapeError" }));
  });
});
