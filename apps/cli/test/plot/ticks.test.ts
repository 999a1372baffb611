import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { extent, linearScale, niceStep, niceTicks, quantile } from "../../src/plot/index.js";

describe("niceTicks", () => {
  it.each([
    [0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]],
    [-2.6, 2.7, ["−2", "−1", "0", "1", "2"]],
    [0, 800, ["0", "200", "400", "600", "800"]],
    [0, 0.00042, ["0.0000", "0.0001", "0.0002", "0.0003", "0.0004"]],
    [3e7, 3.3e7, ["3.00e7", "3.05e7", "3.10e7", "3.15e7", "3.20e7", "3.25e7", "3.30e7"]],
  ])("labels [%d, %d]", (low, high, labels) => {
    expect(niceTicks(low, high).labels).toEqual(labels);
  });

  it("gives increasing multiples of its step inside the interval, neither few nor many, all with their own label", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e5, max: 1e5, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e5, noNaN: true }),
        fc.integer({ min: 3, max: 8 }),
        (low, length, count) => {
          const { values, labels, step } = niceTicks(low, low + length, count);
          expect(values.length).toBeGreaterThanOrEqual(Math.floor(count / 2));
          expect(values.length).toBeLessThanOrEqual(2 * count + 1);
          expect(new Set(labels).size).toBe(labels.length);
          for (const [k, value] of values.entries()) {
            expect(value).toBeGreaterThanOrEqual(low - 1e-6 * step);
            expect(value).toBeLessThanOrEqual(low + length + 1e-6 * step);
            expect(Math.abs(value / step - Math.round(value / step))).toBeLessThan(1e-6);
            if (k > 0) expect(value).toBeGreaterThan(values[k - 1]!);
          }
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  it("rounds steps to 1, 2 or 5 times a power of ten", () => {
    expect([0.03, 0.13, 0.24, 0.7, 1, 3, 4, 8, 47].map(niceStep)).toEqual(
      [0.02, 0.1, 0.2, 0.5, 1, 2, 5, 10, 50].map((x) => expect.closeTo(x, 10)),
    );
    expect([0, Number.NaN, Number.POSITIVE_INFINITY].map(niceStep)).toEqual([1, 1, 1]);
  });
});

describe("scales", () => {
  it("maps ends to ends and the middle to the middle, also downwards", () => {
    const scale = linearScale([2, 6], [100, 0]);
    expect([2, 4, 6].map(scale.at)).toEqual([100, 50, 0]);
  });

  it("finds the extent of finite numbers, and something to draw even for one or none", () => {
    expect(extent([[1, Number.NaN], Float32Array.of(3, Number.POSITIVE_INFINITY)], 0)).toEqual([1, 3]);
    expect(extent([[0, 10]], 0.1)).toEqual([-1, 11]);
    expect(extent([[5]])).toEqual([4.5, 5.5]);
    expect(extent([])).toEqual([0, 1]);
  });

  it("finds quantiles among the finite numbers", () => {
    expect(quantile([3, 1, Number.NaN, 2], 0.5)).toBe(2);
    expect(quantile([3, 1, 2], 1)).toBe(3);
    expect(quantile([], 0.5)).toBe(0);
  });
});
