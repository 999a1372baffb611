import { RandomKey } from "@diffusiongym/core";
import { advantages, effectiveSampleSize, quantile, systematicResampling, topShare } from "@diffusiongym/methods";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const stream = (seed: number) => RandomKey.fromSeed(seed).stream();

describe("advantages", () => {
  const rewards = Float32Array.of(1, 3, 5, 5, 2, 8);

  it("compares samples with those of their own group only", () => {
    const { values, droppedFraction } = advantages(rewards, new Uint8Array(6).fill(1), { groupSize: 2 });
    expect([...values]).toEqual([-1, 1, 0, 0, -3, 3]);
    expect(droppedFraction).toBeCloseTo(1 / 3);
  });

  it("divides by the standard deviation when asked, and clips", () => {
    const valids = new Uint8Array(6).fill(1);
    const { values, used } = advantages(rewards, valids, { groupSize: 2, normalization: "std" });
    expect([...values]).toEqual([-1, 1, 0, 0, -1, 1]);
    expect([...used]).toEqual([1, 1, 0, 0, 1, 1]);
    expect([...advantages(rewards, valids, { groupSize: 2, clip: 2 }).values]).toEqual([-1, 1, 0, 0, -2, 2]);
  });

  it("leaves invalid samples out of the mean, and drops a group with one sample left", () => {
    const { values, used } = advantages(rewards, Uint8Array.of(1, 0, 1, 1, 1, 1), { groupSize: 3 });
    expect([...values]).toEqual([-2, 0, 2, 0, -3, 3]);
    expect([...used]).toEqual([1, 0, 1, 1, 1, 1]);
    expect(advantages(rewards, Uint8Array.of(1, 0, 0, 1, 1, 1), { groupSize: 3 }).droppedFraction).toBe(0.5);
  });

  it("refuses groups that do not fill the batch", () => {
    expect(() => advantages(rewards, new Uint8Array(6), { groupSize: 4 })).toThrow("groups of 4");
  });
});

describe("weights", () => {
  it("the effective sample size is between 1 and n, n for equal weights, and indifferent to a factor", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 30 }), (logs) => {
        const size = effectiveSampleSize(logs);
        expect(size).toBeGreaterThan(1 - 1e-9);
        expect(size).toBeLessThan(logs.length * (1 + 1e-9));
        expect(effectiveSampleSize(logs.map((value) => value + 700))).toBeCloseTo(size, 6);
      }),
      { seed: 1 },
    );
    expect(effectiveSampleSize([5, 5, 5, 5])).toBeCloseTo(4, 10);
    expect(effectiveSampleSize([])).toBe(0);
  });

  it("systematic resampling takes each index floor or ceil of its share, in order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 10, noNaN: true }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 0, max: 1000 }),
        (weights, count, seed) => {
          const chosen = systematicResampling(weights, count, stream(seed));
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          weights.forEach((weight, i) => {
            const share = (count * weight) / total;
            const times = chosen.filter((index) => index === i).length;
            expect(Math.abs(times - share)).toBeLessThan(1 + 1e-6);
          });
          expect([...chosen].sort((a, b) => a - b)).toEqual([...chosen]);
        },
      ),
      { seed: 2 },
    );
  });

  it("never draws a weight of 0, and refuses weights that cannot be drawn from", () => {
    expect(systematicResampling([0, 1, 0], 5, stream(1)).every((index) => index === 1)).toBe(true);
    expect(() => systematicResampling([0, 0], 1, stream(1))).toThrow("above 0");
    expect(() => systematicResampling([1, -1], 1, stream(1))).toThrow("Weight 1");
    expect(() => systematicResampling([Number.NaN], 1, stream(1))).toThrow("Weight 0");
  });

  it("quantiles interpolate, and the top share counts the largest", () => {
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(quantile([0, 10], 0.9)).toBeCloseTo(9);
    expect(topShare([1, 1, 1, 7], 0.25)).toBeCloseTo(0.7);
    expect(topShare([0, 0])).toBe(0);
  });
});
