import { describe, expect, it } from "vitest";
import { RandomKey } from "../../src/random/index.js";

/**
 * Each statistic is compared with its exact expectation in units of its standard error. Seeds are fixed, so nothing here
 * is flaky; the bound of 4 standard errors is one that a right generator passes for 99.99 % of seeds.
 */
const BOUND = 4;
const COUNT = 1_000_000;

function normals(key: RandomKey, count = COUNT): Float32Array {
  const out = new Float32Array(count);
  key.stream().fillNormal(out);
  return out;
}

function meanOf(values: ArrayLike<number>, f: (value: number) => number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += f(values[i]!);
  }
  return sum / values.length;
}

/** Standard normal distribution function, by the continued fraction of the tail and the series of the middle. */
function normalCdf(x: number): number {
  const a = Math.abs(x);
  if (a > 3) {
    let fraction = 0;
    for (let k = 60; k > 0; k--) {
      fraction = k / (a + fraction);
    }
    const tail = Math.exp((-a * a) / 2) / Math.sqrt(2 * Math.PI) / (a + fraction);
    return x < 0 ? tail : 1 - tail;
  }
  let term = x;
  let sum = x;
  for (let k = 1; k < 100; k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/** sup |F_n - F| sqrt(n); its law is Kolmogorov's, whose 99.99 % point is 2.23. */
function kolmogorov(values: Float32Array, cdf: (x: number) => number): number {
  const sorted = values.slice().sort();
  let worst = 0;
  for (let i = 0; i < sorted.length; i++) {
    const f = cdf(sorted[i]!);
    worst = Math.max(worst, Math.abs(f - i / sorted.length), Math.abs(f - (i + 1) / sorted.length));
  }
  return worst * Math.sqrt(sorted.length);
}

/** (chi^2 - degrees) / sqrt(2 degrees), about standard normal for many degrees of freedom. */
function chiSquareScore(counts: ArrayLike<number>, probabilities: readonly number[]): number {
  const total = meanOf(counts, (count) => count) * counts.length;
  let sum = 0;
  probabilities.forEach((probability, i) => {
    sum += (counts[i]! - total * probability) ** 2 / (total * probability);
  });
  const degrees = probabilities.length - 1;
  return (sum - degrees) / Math.sqrt(2 * degrees);
}

function correlationScore(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    sum += a[i]! * b[i]!;
  }
  return sum / Math.sqrt(a.length);
}

describe("normals", () => {
  const key = RandomKey.fromSeed(11);
  const values = normals(key);

  it.each([
    // E z^p and the variance of z^p: E z^2p - (E z^p)^2.
    [1, 0, 1],
    [2, 1, 2],
    [3, 0, 15],
    [4, 3, 96],
    [6, 15, 10_170],
  ])("have moment %i equal to %i", (power, expected, variance) => {
    const error = meanOf(values, (z) => z ** power) - expected;
    expect(Math.abs(error) / Math.sqrt(variance / COUNT)).toBeLessThan(BOUND);
  });

  it("follow the normal distribution function (Kolmogorov-Smirnov)", () => {
    expect(normalCdf(1.959963984540054)).toBeCloseTo(0.975, 14);
    expect(normalCdf(-4)).toBeCloseTo(3.167124183311992e-5, 17);
    expect(kolmogorov(values, normalCdf)).toBeLessThan(2.23);
    // The test sees a shift of 0.006 at this size.
    expect(kolmogorov(values, (x) => normalCdf(x + 0.006))).toBeGreaterThan(2.23);
  });

  it("have the right tail weight beyond 3.5", () => {
    const probability = 2 * normalCdf(-3.5);
    const count = meanOf(values, (z) => (Math.abs(z) > 3.5 ? 1 : 0)) * COUNT;
    expect(Math.abs(count - COUNT * probability) / Math.sqrt(COUNT * probability)).toBeLessThan(BOUND);
  });

  it("are uncorrelated within pairs, across pairs, and so are their squares", () => {
    const even = values.filter((_, i) => i % 2 === 0);
    const odd = values.filter((_, i) => i % 2 === 1);
    const centred = (z: number): number => (z * z - 1) / Math.SQRT2;
    for (const [a, b] of [
      [even, odd],
      [odd.slice(0, -1), even.slice(1)],
      [even.slice(0, -1), even.slice(1)],
      [Float64Array.from(even, centred), Float64Array.from(odd, centred)],
    ] as const) {
      expect(Math.abs(correlationScore(a, b))).toBeLessThan(BOUND);
    }
  });

  it("are independent across neighbouring samples and across steps", () => {
    const n = 200_000;
    const draw = (step: number): Float32Array => {
      const streams = key.fold("noise").fold(step).streams();
      const out = new Float32Array(n);
      for (let i = 0; i < n; i++) {
        out[i] = streams.at(i).normal();
      }
      return out;
    };
    const [now, next] = [draw(0), draw(1)];
    expect(kolmogorov(now, normalCdf)).toBeLessThan(2.23);
    expect(Math.abs(correlationScore(now.subarray(0, -1), now.subarray(1)))).toBeLessThan(BOUND);
    expect(Math.abs(correlationScore(now, next))).toBeLessThan(BOUND);
    expect(Math.abs(correlationScore(now, normals(key.fold("noise").fold(0), n)))).toBeLessThan(BOUND);
  });

  it("are independent across neighbouring seeds and across named keys", () => {
    const a = normals(RandomKey.fromSeed(100));
    expect(Math.abs(correlationScore(a, normals(RandomKey.fromSeed(101))))).toBeLessThan(BOUND);
    expect(Math.abs(correlationScore(a, normals(RandomKey.fromSeed(100).fold("a"))))).toBeLessThan(BOUND);
  });
});

describe("uniforms", () => {
  it("follow the uniform distribution (Kolmogorov-Smirnov) with the right mean and variance", () => {
    const values = new Float32Array(COUNT);
    RandomKey.fromSeed(12).stream().fillUniform(values);
    expect(kolmogorov(values, (x) => x)).toBeLessThan(2.23);
    const mean = meanOf(values, (u) => u);
    expect(Math.abs(mean - 0.5) / Math.sqrt(1 / 12 / COUNT)).toBeLessThan(BOUND);
    // The variance of (u - 1/2)^2 is 1/180.
    const variance = meanOf(values, (u) => (u - 0.5) ** 2);
    expect(Math.abs(variance - 1 / 12) / Math.sqrt(1 / 180 / COUNT)).toBeLessThan(BOUND);
  });

  it("use each of their 24 bits evenly", () => {
    const stream = RandomKey.fromSeed(13).stream();
    const ones = new Float64Array(24);
    for (let i = 0; i < 100_000; i++) {
      const bits = stream.uniform() * 2 ** 24;
      for (let bit = 0; bit < 24; bit++) {
        ones[bit] = ones[bit]! + ((bits >>> bit) & 1);
      }
    }
    for (const count of ones) {
      expect(Math.abs(count - 50_000) / Math.sqrt(25_000)).toBeLessThan(BOUND);
    }
  });
});

describe("integers", () => {
  it.each([
    [0, 7],
    [-50, 50],
    [10, 1010],
  ])("are uniform over [%i, %i)", (low, high) => {
    const stream = RandomKey.fromSeed(14).stream();
    const counts = new Float64Array(high - low);
    for (let i = 0; i < 400_000; i++) {
      const value = stream.integer(low, high) - low;
      counts[value] = counts[value]! + 1;
    }
    const probabilities = Array.from(counts, () => 1 / counts.length);
    expect(Math.abs(chiSquareScore(counts, probabilities))).toBeLessThan(BOUND + 1);
  });

  it.each([
    ["one word", 3 * 2 ** 30],
    ["two words", 3 * 2 ** 51],
  ])("have no modulo bias where it would be largest (%s)", (_, range) => {
    // By plain modulo the lowest third of the range would come twice as often: 1/2 instead of 1/3.
    const stream = RandomKey.fromSeed(15).stream();
    let low = 0;
    const count = 200_000;
    for (let i = 0; i < count; i++) {
      low += stream.integer(0, range) < range / 3 ? 1 : 0;
    }
    expect(Math.abs(low - count / 3) / Math.sqrt((count * 2) / 9)).toBeLessThan(BOUND);
  });

  it("cover negative, wide and one-valued ranges", () => {
    const stream = RandomKey.fromSeed(16).stream();
    expect(stream.integer(5, 6)).toBe(5);
    const wide = Array.from({ length: 2000 }, () => stream.integer(-(2 ** 52), 2 ** 52 - 1));
    expect(wide.every((value) => Number.isSafeInteger(value))).toBe(true);
    // Half of the values are negative, and all 53 bits are in use.
    expect(Math.abs(wide.filter((value) => value < 0).length - 1000) / Math.sqrt(500)).toBeLessThan(BOUND);
    expect(Math.abs(wide.filter((value) => value % 2 === 0).length - 1000) / Math.sqrt(500)).toBeLessThan(BOUND);
  });
});

describe("categorical", () => {
  it("draws in proportion to weights that do not sum to 1, and never a weight of 0", () => {
    const weights = [0, 1, 2, 0, 4, 0.5, 10, 0];
    const stream = RandomKey.fromSeed(17).stream();
    const counts = new Float64Array(weights.length);
    for (let i = 0; i < 400_000; i++) {
      const index = stream.categorical(weights);
      counts[index] = counts[index]! + 1;
    }
    expect([counts[0], counts[3], counts[7]]).toEqual([0, 0, 0]);
    const positive = [1, 2, 4, 5, 6];
    const probabilities = positive.map((i) => weights[i]! / 17.5);
    const observed = positive.map((i) => counts[i]!);
    expect(Math.abs(chiSquareScore(observed, probabilities))).toBeLessThan(BOUND + 1);
  });

  it("gives small weights their share at either end", () => {
    const stream = RandomKey.fromSeed(18).stream();
    const weights = Float64Array.of(1e-5, 1, 1e-5);
    const counts = new Float64Array(3);
    for (let i = 0; i < COUNT; i++) {
      const index = stream.categorical(weights);
      counts[index] = counts[index]! + 1;
    }
    for (const rare of [counts[0]!, counts[2]!]) {
      expect(Math.abs(rare - 10) / Math.sqrt(10)).toBeLessThan(BOUND);
    }
  });
});

describe("permutation", () => {
  it("is a permutation", () => {
    const order = RandomKey.fromSeed(19).stream().permutation(1000);
    expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(Array.from(RandomKey.fromSeed(19).stream().permutation(0))).toEqual([]);
  });

  it("gives each of the 24 orders of four equally often", () => {
    const stream = RandomKey.fromSeed(20).stream();
    const counts = new Map<string, number>();
    for (let i = 0; i < 240_000; i++) {
      const order = stream.permutation(4).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const probabilities = Array.from({ length: 24 }, () => 1 / 24);
    expect(Math.abs(chiSquareScore([...counts.values()], probabilities))).toBeLessThan(BOUND + 1);
  });
});
