import { ArgumentError } from "@diffusiongym/core";
import { expect, test } from "vitest";
import { constantSchedule, cosineSchedule, warmupSchedule } from "../../src/optimizers/index.js";

test("constant", () => {
  expect([0, 10, 1e9].map(constantSchedule(0.3))).toEqual([0.3, 0.3, 0.3]);
});

test("cosine starts at the peak, is half way in the middle, ends at the final rate and stays there", () => {
  const schedule = cosineSchedule({ peak: 2, steps: 100, final: 1 });
  expect(schedule(0)).toBe(2);
  expect(schedule(50)).toBeCloseTo(1.5, 12);
  expect(schedule(25)).toBeCloseTo(1.5 + Math.SQRT1_2 / 2, 12);
  expect(schedule(100)).toBe(1);
  expect(schedule(1e6)).toBe(1);
});

test("warm-up rises in equal parts to the rate that follows, whose steps begin after it", () => {
  expect([0, 1, 2, 3, 4, 5].map(warmupSchedule({ steps: 4, followedBy: 1 }))).toEqual([0.25, 0.5, 0.75, 1, 1, 1]);
  const cosine = warmupSchedule({ steps: 2, followedBy: cosineSchedule({ peak: 1, steps: 2 }) });
  const rates = [0, 1, 2, 3, 4].map(cosine);
  [0.5, 1, 1, 0.5, 0].forEach((rate, i) => {
    expect(rates[i]).toBeCloseTo(rate, 12);
  });
  expect(warmupSchedule({ steps: 0, followedBy: 3 })(0)).toBe(3);
});

test("rates and steps are checked", () => {
  expect(() => constantSchedule(-1)).toThrow(ArgumentError);
  expect(() => cosineSchedule({ peak: Infinity, steps: 1 })).toThrow(/peak must be finite/);
  expect(() => cosineSchedule({ peak: 1, steps: 0 })).toThrow(/steps must be a whole number >= 1/);
  expect(() => warmupSchedule({ steps: 1.5, followedBy: 1 })).toThrow(/steps must be a whole number >= 0/);
});
