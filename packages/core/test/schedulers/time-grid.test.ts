import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SingularCoefficientError, TimeGridError } from "../../src/errors/index.js";
import {
  Cosine,
  checkGrid,
  constantNoise,
  Diffusion,
  FeatureSchedulers,
  memorylessNoise,
  OptimalTransport,
  scaledMemorylessNoise,
  type TimeGridChoice,
  Trigonometric,
  timeGrid,
  VPLinear,
} from "../../src/schedulers/index.js";
import { linspace, linspaceFloat32 } from "../../src/schedulers/linspace.js";

describe("timeGrid", () => {
  it("interior is (k + 1) / (N + 1)", () => {
    expect(Array.from(timeGrid("interior", 4))).toEqual([1 / 5, 2 / 5, 3 / 5, 4 / 5, 1]);
    expect(Array.from(timeGrid("interior", 1))).toEqual([0.5, 1]);
  });

  it("named grids rise strictly from inside (0, 1) to exactly 1, also as 32-bit floats", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("interior" as const, "reference" as const),
        fc.integer({ min: 1, max: 3000 }),
        (name, steps) => {
          const grid = timeGrid(name, steps);
          expect(grid).toHaveLength(steps + 1);
          expect(grid[0]).toBeGreaterThan(0);
          expect(grid[steps]).toBe(1);
          const floats = Float32Array.from(grid);
          expect(floats.every((t, k) => k === 0 || t > floats[k - 1]!)).toBe(true);
        },
      ),
      { seed: 1, numRuns: 100 },
    );
  });

  it("keeps custom times, as a copy", () => {
    const mine = [0, 0.25, 0.5, 1];
    const grid = timeGrid(mine);
    mine[1] = 9;
    expect(Array.from(grid)).toEqual([0, 0.25, 0.5, 1]);
    expect(Array.from(timeGrid(Float64Array.of(0.5, 1), 1))).toEqual([0.5, 1]);
  });

  it.each<[string, TimeGridChoice, number | undefined, RegExp]>([
    ["no steps", "interior", undefined, /whole number of steps.*undefined/],
    ["zero steps", "interior", 0, /got 0/],
    ["negative steps", "reference", -3, /got -3/],
    ["fractional steps", "reference", 2.5, /got 2.5/],
    ["NaN steps", "interior", Number.NaN, /got NaN/],
    ["too many steps", "interior", 1e9, /from 1 to 4194304/],
    ["an unknown name", "interor" as never, 4, /did you mean "interior"/],
    ["one time", [1], undefined, /at least two times/],
    ["the wrong number of steps", [0.5, 1], 2, /2 times make 1 steps, but steps is 2/],
    ["a negative start", [-0.1, 1], undefined, /first time must be >= 0, got -0.1/],
    ["NaN", [Number.NaN, 1], undefined, /first time/],
    ["NaN inside", [0.1, Number.NaN, 1], undefined, /t_1 is NaN/],
    ["equal times", [0.1, 0.1, 1], undefined, /t_1 is 0.1 after 0.1/],
    ["falling times", [0.5, 0.1, 1], undefined, /increase strictly/],
    ["times equal as floats", [0.5, 0.5 + 1e-12, 1], undefined, /32-bit/],
    ["an end before 1", [0.1, 0.9], undefined, /exactly 1, got 0.9/],
    ["an end after 1", [0.1, 1.5], undefined, /exactly 1, got 1.5/],
  ])("refuses %s", (_, choice, steps, message) => {
    expect(() => timeGrid(choice, steps)).toThrowError(TimeGridError);
    expect(() => timeGrid(choice, steps)).toThrowError(message);
  });

  it("hands the refused times to the catcher", () => {
    try {
      timeGrid([0.1, 0.9]);
      expect.unreachable();
    } catch (error) {
      expect((error as TimeGridError).times).toEqual([0.1, 0.9]);
    }
  });
});

describe("linspace", () => {
  it("includes both ends exactly and is evenly spaced", () => {
    const values = linspace(0.1, 0.7, 4);
    expect([values[0], values[3]]).toEqual([0.1, 0.7]);
    expect(values[1]).toBeCloseTo(0.3, 15);
    expect(Array.from(linspace(5, 6, 1))).toEqual([5]);
  });

  it("in float32 stays within two units in the last place of the exact numbers", () => {
    const values = linspaceFloat32(0.02, 1, 1001);
    values.forEach((value, i) => {
      expect(value).toBe(Math.fround(value));
      expect(Math.abs(value - (0.02 + (0.98 * i) / 1000))).toBeLessThan(2 ** -23);
    });
  });
});

describe("checkGrid", () => {
  const linear = new OptimalTransport();

  it("accepts the interior grid of the linear path at every number of steps", () => {
    for (let steps = 1; steps < 300; steps++) {
      checkGrid({ grid: timeGrid("interior", steps), scheduler: linear, noise: memorylessNoise() });
    }
  });

  it("refuses the linear path exactly when Delta_0 > 2 t_0 (DECISIONS 7)", () => {
    const check = (first: number, second: number) => (): void =>
      checkGrid({ grid: [first, second, 1], scheduler: linear, noise: memorylessNoise() });
    expect(check(0.1, 0.2999)).not.toThrow();
    expect(check(0.1, 0.3001)).toThrowError(TimeGridError);
    // The reference grid from 0.02: 24 steps are too coarse, 25 are not.
    expect(() => checkGrid({ grid: timeGrid("reference", 24), scheduler: linear, noise: memorylessNoise() })).toThrow();
    expect(() =>
      checkGrid({ grid: timeGrid("reference", 25), scheduler: linear, noise: memorylessNoise() }),
    ).not.toThrow();
  });

  it("says what the step does, with numbers, and what would do instead", () => {
    const check = (): void =>
      checkGrid({ grid: timeGrid("reference", 10), scheduler: linear, noise: memorylessNoise() });
    expect(check).toThrowError(/t_0 = 0.02 by 0.098, multiplies the state by -3.9/);
    expect(check).toThrowError(/kappa = 50/);
    expect(check).toThrowError(/Use the "interior" grid, take more steps, or pass allowExpansiveGrid: true/);
  });

  it("accepts an expansive grid when told to", () => {
    checkGrid({
      grid: timeGrid("reference", 5),
      scheduler: linear,
      noise: memorylessNoise(),
      allowExpansiveGrid: true,
    });
  });

  it("names a start that works where the interior grid does not", () => {
    // kappa ~ 2 nu / t: at nu = 2 the interior grid's first step multiplies by about -3 at any number of steps.
    const scheduler = new Cosine(2);
    const noise = memorylessNoise();
    let message = "";
    try {
      checkGrid({ grid: timeGrid("interior", 20), scheduler, noise });
    } catch (error) {
      message = (error as TimeGridError).message;
    }
    const start = Number(/at t_0 = ([\d.]+),/.exec(message)?.[1]);
    expect(start).toBeGreaterThan(1 / 21);
    checkGrid({ grid: linspace(start, 1, 21), scheduler, noise });
  });

  it("measures the noise in use, not only memoryless noise", () => {
    const grid = [0.1, 0.35, 1];
    const check = (noise: ReturnType<typeof constantNoise>) => (): void =>
      checkGrid({ grid, scheduler: linear, noise });
    expect(check(constantNoise(0))).not.toThrow();
    expect(check(constantNoise(1))).not.toThrow();
    expect(check(constantNoise(10))).toThrowError(TimeGridError);
    // rho = a^2 / 2, and Delta_0 kappa(t_0) = 2.5: expansive above a^2 = 1.6.
    expect(check(scaledMemorylessNoise(1.26))).not.toThrow();
    expect(check(scaledMemorylessNoise(1.27))).toThrowError(TimeGridError);
  });

  it("passes a grid from 0 for the ODE, and names what is singular there for memoryless noise", () => {
    checkGrid({ grid: [0, 0.5, 1], scheduler: linear, noise: constantNoise(0) });
    expect(() => checkGrid({ grid: [0, 0.5, 1], scheduler: linear, noise: memorylessNoise() })).toThrowError(
      SingularCoefficientError,
    );
    checkGrid({ grid: [0, 0.01, 1], scheduler: new VPLinear(), noise: memorylessNoise() });
  });

  it("looks at every part", () => {
    const scheduler = new FeatureSchedulers({ x: linear, slow: new Cosine(3) });
    expect(() => checkGrid({ grid: timeGrid("interior", 30), scheduler, noise: memorylessNoise() })).toThrowError(
      /part "slow"/,
    );
  });

  it("agrees with a simulated Euler-Maruyama step on pure noise", () => {
    // Where x is still N(0, 1), the score is -x and the mean of the step is (1 - Delta rho kappa + small) x.
    for (const scheduler of [linear, new Trigonometric(), new Cosine(2), Diffusion.linear()]) {
      const t = 0.005;
      const noiseVariance = 2 * scheduler.eta(t);
      const drift = scheduler.kappa(t) - (scheduler.eta(t) + noiseVariance / 2);
      expect(drift / -scheduler.kappa(t)).toBeCloseTo(1, 1);
    }
  });
});
