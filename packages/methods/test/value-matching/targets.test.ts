import { Cosine, isErrorNamed, OptimalTransport } from "@diffusiongym/core";
import { costsToGo, valueWeights } from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";

describe("costsToGo", () => {
  const record = {
    dts: [0.25, 0.5],
    runningCosts: [Float32Array.of(2, 0), Float32Array.of(4, 1)],
    controlNoise: [Float32Array.of(1, -2), Float32Array.of(3, 0)],
    terminal: Float32Array.of(-1, -2),
  };

  it("sums running costs times dt backwards for the plain target", () => {
    expect(costsToGo(record, "plain").map((row) => Array.from(row))).toEqual([
      [1.5, -1.5],
      [1, -1.5],
      [-1, -2],
    ]);
  });

  it("adds sqrt(dt) u . noise for the martingale target", () => {
    const last = -1 + 2 + Math.SQRT1_2 * 3;
    const rows = costsToGo(record, "martingale");
    expect(rows[1]![0]).toBeCloseTo(last, 6);
    expect(rows[0]![0]).toBeCloseTo(last + 0.5 + 0.5, 6);
    expect(rows[0]![1]).toBeCloseTo(-1.5 - 1, 6);
  });
});

describe("valueWeights", () => {
  const times = [0.02, 0.1, 0.5, 0.9, 1];

  it("is 1 / (1 + (-ln t - 1 + t)) for the linear path", () => {
    const weights = valueWeights("variance", times, new OptimalTransport());
    for (const [i, t] of times.entries()) {
      expect(weights[i]).toBeCloseTo(1 / (1 - Math.log(t) - 1 + t), 7);
    }
  });

  it("agrees with Simpson's rule for another path", () => {
    const scheduler = new Cosine(1);
    const intervals = 20000;
    const a = 0.3;
    const h = (1 - a - 1e-9) / intervals;
    let integral = 0;
    for (let i = 0; i <= intervals; i++) {
      const factor = i === 0 || i === intervals ? 1 : i % 2 === 1 ? 4 : 2;
      integral += (factor * scheduler.eta(a + i * h) * h) / 3;
    }
    expect(valueWeights("variance", [a], scheduler)[0]).toBeCloseTo(1 / (1 + integral), 6);
  });

  it("takes a function, and refuses one that is negative or not finite", () => {
    expect(Array.from(valueWeights((t) => 2 * t, [0.5, 1], new OptimalTransport()))).toEqual([1, 2]);
    const bad = (): unknown => {
      try {
        return valueWeights(() => Number.NaN, [0.5], new OptimalTransport());
      } catch (error) {
        return error;
      }
    };
    expect(isErrorNamed(bad(), "ArgumentError")).toBe(true);
  });
});
