import { RandomKey } from "@diffusiongym/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slicedWasserstein, wasserstein1d } from "../../src/index.js";

const values = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 12 });
const settings = { seed: 9, numRuns: 200 };

describe("wasserstein1d", () => {
  it("is the shift for a shifted sample, of any order", () => {
    for (const order of [1, 2, 3]) {
      expect(wasserstein1d([3, 1, 2], [5.5, 4.5, 3.5], order)).toBeCloseTo(2.5, 12);
    }
  });

  it("moves mass optimally between samples of different size", () => {
    // half of the mass of {0} goes to 0, half to 1
    expect(wasserstein1d([0], [0, 1], 1)).toBeCloseTo(0.5, 12);
    expect(wasserstein1d([0], [0, 1], 2)).toBeCloseTo(Math.SQRT1_2, 12);
    expect(wasserstein1d([0, 3], [0, 0, 3], 1)).toBeCloseTo(0.5, 12);
  });

  it("is a distance: symmetric, zero on itself, below the sum over a third", () => {
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        expect(wasserstein1d(a, a)).toBe(0);
        expect(wasserstein1d(a, b)).toBeCloseTo(wasserstein1d(b, a), 10);
        expect(wasserstein1d(a, b)).toBeLessThanOrEqual(wasserstein1d(a, c) + wasserstein1d(c, b) + 1e-9);
        expect(wasserstein1d(a, [...a, ...a])).toBeLessThan(1e-6);
        expect(wasserstein1d(a, b, 1)).toBeLessThanOrEqual(wasserstein1d(a, b, 2) + 1e-9);
      }),
      settings,
    );
  });
});

describe("slicedWasserstein", () => {
  const stream = RandomKey.fromSeed(1).stream();
  const points = Float64Array.from({ length: 600 }, () => stream.normal());

  it("of a shift by c in d dimensions is |c| / sqrt(d) in the limit of many directions", () => {
    const shifted = points.map((value, j) => value + (j % 3 === 0 ? 2 : 0));
    const distance = slicedWasserstein(points, shifted, { dimension: 3, directions: 2000 });
    expect(Math.abs(distance - 2 / Math.sqrt(3))).toBeLessThan(0.03);
  });

  it("is the exact distance on the line, 0 on itself, and the same for the same key", () => {
    const other = points.map((value) => 1.5 * value + 0.2);
    expect(slicedWasserstein(points, other, { dimension: 1 })).toBe(wasserstein1d(points, other));
    expect(slicedWasserstein(points, points, { dimension: 2 })).toBe(0);
    const key = RandomKey.fromSeed(5);
    const once = slicedWasserstein(points, other, { dimension: 2, key });
    expect(slicedWasserstein(points, other, { dimension: 2, key })).toBe(once);
    expect(slicedWasserstein(points, other, { dimension: 2 })).not.toBe(once);
  });

  it("refuses what is no set of points", () => {
    expect(() => slicedWasserstein([1, 2, 3], [1, 2], { dimension: 2 })).toThrow(
      expect.objectContaining({ name: "ShapeError" }),
    );
    expect(() => slicedWasserstein([1, 2], [1, 2], { dimension: 2, directions: 0 })).toThrow("whole number from 1");
    expect(() => wasserstein1d([], [1])).toThrow("at least one point");
    expect(() => wasserstein1d([1, Number.NaN], [1])).toThrow("number 1 is NaN");
    expect(() => slicedWasserstein([1, Number.NaN], [1, 2], { dimension: 2 })).toThrow("is NaN");
    expect(() => wasserstein1d([1], [1], 0.5)).toThrow("from 1 on");
  });
});
