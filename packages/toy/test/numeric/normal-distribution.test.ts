import { describe, expect, it } from "vitest";
import { logNormalCdf, logNormalInterval, normalCdf } from "../../src/numeric/index.js";

// 80-digit series and continued fractions, rounded to double: log(1 - Phi(x)).
const upperTails: readonly [number, number][] = [
  [0.1, -0.7761545927302733],
  [0.5, -1.1759117615936185],
  [1, -1.8410216450092636],
  [2, -3.783184333682032],
  [2.29, -4.508891536718895],
  [2.31, -4.561720249586581],
  [3, -6.607726221510349],
  [5, -15.064998393988725],
  [8, -35.01343715991455],
  [20, -203.91715537109727],
  [40, -804.6084420137538],
];
// log(Phi(b) - Phi(a)) likewise.
const intervals: readonly [number, number, number][] = [
  [1, 1.5, -2.387619668823935],
  [0.1, 0.2, -3.233180851568642],
  [-0.3, 0.2, -1.62368323886832],
  [30, 31, -454.32124395634327],
  [-3, 4, -0.0013825245202196512],
];

describe("normal distribution", () => {
  it.each(upperTails)("log(1 - Phi(%d)) to 14 digits", (x, expected) => {
    expect(Math.abs(logNormalCdf(-x) / expected - 1)).toBeLessThan(1e-14);
    expect(Math.abs(logNormalCdf(x) - Math.log1p(-Math.exp(expected)))).toBeLessThan(1e-15);
    expect(Math.abs(normalCdf(-x) - Math.exp(expected))).toBeLessThan(1e-14 * Math.exp(expected) + 1e-300);
  });

  it.each(intervals)("the mass of [%d, %d] on either side", (lower, upper, expected) => {
    expect(Math.abs(logNormalInterval(lower, upper) / expected - 1)).toBeLessThan(1e-13);
    expect(Math.abs(logNormalInterval(-upper, -lower) / expected - 1)).toBeLessThan(1e-13);
  });

  it("keeps the mass of a short interval in the tail to 11 digits", () => {
    expect(Math.abs(logNormalInterval(5, 5.001) / -20.329192936978718 - 1)).toBeLessThan(1e-12);
  });

  it("takes infinite and empty intervals", () => {
    expect(logNormalInterval(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)).toBeCloseTo(0, 15);
    expect(logNormalInterval(Number.NEGATIVE_INFINITY, 0)).toBeCloseTo(Math.log(0.5), 14);
    expect(logNormalInterval(1, 1)).toBe(Number.NEGATIVE_INFINITY);
    expect(logNormalInterval(2, 1)).toBe(Number.NEGATIVE_INFINITY);
    expect(normalCdf(Number.NEGATIVE_INFINITY)).toBe(0);
    expect(normalCdf(Number.POSITIVE_INFINITY)).toBe(1);
    expect(normalCdf(0)).toBe(0.5);
  });
});
