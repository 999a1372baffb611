import { describe, expect, it } from "vitest";
import { ArgumentError, SingularCoefficientError } from "../../src/errors/index.js";
import { Diffusion } from "../../src/schedulers/index.js";

describe("Diffusion", () => {
  const table = [0.9, 0.7, 0.4, 0.1];
  const scheduler = new Diffusion(table);

  it("rounds half-way times up, towards more noise (DECISIONS 6)", () => {
    // K = 3, so half-way times are 1/6, 1/2 and 5/6; only 1/2 is a double.
    expect([0, 0.16, 0.17, 0.49, 0.5, 0.51, 0.83, 0.84, 1].map((t) => scheduler.index(t))).toEqual([
      3, 3, 2, 2, 2, 1, 1, 0, 0,
    ]);
    expect(scheduler.modelInput(0.5)).toBe(2);
  });

  it("takes derivatives as backward differences of alpha-bar", () => {
    for (const [t, k] of [
      [1, 0],
      [2 / 3, 1],
      [0, 3],
    ] as const) {
      const alphaBarDot = 3 * ((table[k - 1] ?? 1) - table[k]!);
      expect(scheduler.alphaDot(t)).toBeCloseTo(alphaBarDot / (2 * Math.sqrt(table[k]!)), 14);
      expect(scheduler.betaDot(t)).toBeCloseTo(-alphaBarDot / (2 * Math.sqrt(1 - table[k]!)), 14);
      expect(scheduler.kappa(t)).toBeCloseTo(alphaBarDot / (2 * table[k]!), 14);
    }
  });

  it("does not share its table", () => {
    const mine = Float64Array.from(table);
    const copied = new Diffusion(mine);
    mine.fill(0);
    copied.alphaBar.fill(0);
    expect(Array.from(copied.alphaBar)).toEqual(table);
    expect(copied.steps).toBe(4);
  });

  it("makes squared-cosine betas that follow the squared cosine until the bound", () => {
    const { alphaBar } = Diffusion.squaredCosine();
    const cosine = (s: number): number => Math.cos((((s + 0.008) / 1.008) * Math.PI) / 2) ** 2;
    for (const k of [0, 1, 250, 500, 900, 990]) {
      expect(alphaBar[k]! / (cosine((k + 1) / 1000) / cosine(0))).toBeCloseTo(1, 10);
    }
    expect(alphaBar[999]! / alphaBar[998]!).toBeCloseTo(0.001, 12);
  });

  it.each([
    ["too short a table", () => new Diffusion([0.5])],
    ["a rising table", () => new Diffusion([0.5, 0.6])],
    ["a table beyond 1", () => new Diffusion([1.1, 0.6])],
    ["NaN", () => new Diffusion([0.9, Number.NaN])],
    ["a negative entry", () => new Diffusion([0.9, -0.1])],
    ["one step", () => Diffusion.linear({ steps: 1 })],
    ["fractional steps", () => Diffusion.scaledLinear({ steps: 2.5 })],
    ["a beta of 1", () => Diffusion.linear({ betaEnd: 1 })],
    ["falling betas", () => Diffusion.linear({ betaStart: 0.1, betaEnd: 0.01 })],
    ["a bound of 1", () => Diffusion.squaredCosine({ maxBeta: 1 })],
  ])("refuses %s", (_, make) => {
    expect(make).toThrowError(ArgumentError);
  });

  it("is singular, not NaN, where a table ends at 0", () => {
    const zero = new Diffusion([0.9, 0.5, 0]);
    expect(zero.alpha(0)).toBe(0);
    expect(() => zero.kappa(0)).toThrowError(SingularCoefficientError);
  });
});
