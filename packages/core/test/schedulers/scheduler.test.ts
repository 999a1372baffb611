import * as fc from "fast-check";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { ArgumentError, SingularCoefficientError } from "../../src/errors/index.js";
import {
  Cosine,
  CustomScheduler,
  Diffusion,
  FeatureSchedulers,
  OptimalTransport,
  type Scheduler,
  type SchedulerLike,
  type SchedulerSpec,
  schedulerFromSpec,
  Trigonometric,
  VPLinear,
} from "../../src/schedulers/index.js";

const smooth: { readonly [name: string]: Scheduler } = {
  "optimal-transport": new OptimalTransport(),
  trigonometric: new Trigonometric(),
  "vp-linear": new VPLinear(),
  "cosine 0.75": new Cosine(0.75),
  "cosine 1": new Cosine(),
  "cosine 1.5": new Cosine(1.5),
  "cosine 2": new Cosine(2),
  "cosine 3": new Cosine(3),
};
const all: { readonly [name: string]: Scheduler } = {
  ...smooth,
  "diffusion linear": Diffusion.linear(),
  "diffusion scaled-linear": Diffusion.scaledLinear(),
  "diffusion squared-cosine": Diffusion.squaredCosine(),
};
const coefficients = [
  "alpha",
  "beta",
  "alphaDot",
  "betaDot",
  "kappa",
  "eta",
  "sigmaMemoryless",
  "wronskian",
  "snr",
] as const;
const inside = fc.double({ min: 0.02, max: 0.98, noNaN: true });

describe("accuracy near both ends", async () => {
  type Coefficient = (typeof coefficients)[number];
  const fixture = await loadFixture<{
    readonly times: readonly number[];
    readonly schedulers: { readonly [name: string]: { readonly [coefficient in Coefficient]: readonly number[] } };
  }>("packages/core/test/fixtures/scheduler-ends.json.gz");

  it.each(Object.keys(smooth))("%s keeps 13 digits of every coefficient", (name) => {
    for (const coefficient of coefficients) {
      const actual = fixture.times.map((t) => smooth[name]![coefficient](t));
      expectAllClose(actual, fixture.schedulers[name]![coefficient], { relative: 1e-13 });
    }
  });
});

describe.each(Object.entries(smooth))("%s", (_, scheduler) => {
  it("has the derivatives of its factors", () => {
    fc.assert(
      fc.property(inside, (t) => {
        const h = 1e-5;
        const slope = (f: (t: number) => number): number => (f(t + h) - f(t - h)) / (2 * h);
        expect(scheduler.alphaDot(t)).toBeCloseTo(
          slope((time) => scheduler.alpha(time)),
          6,
        );
        // beta of vp-linear bends like a square root near t = 1: the difference's own error is h^2 |beta'''| / 6.
        expect(Math.abs(scheduler.betaDot(t) - slope((time) => scheduler.beta(time)))).toBeLessThan(1e-4);
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

describe.each(Object.entries(all))("%s", (_, scheduler) => {
  it("satisfies the identities of its coefficients", () => {
    fc.assert(
      fc.property(inside, (t) => {
        const [alpha, beta, alphaDot, betaDot] = [
          scheduler.alpha(t),
          scheduler.beta(t),
          scheduler.alphaDot(t),
          scheduler.betaDot(t),
        ];
        const kappa = scheduler.kappa(t);
        const wronskian = scheduler.wronskian(t);
        const eta = scheduler.eta(t);
        expectAllClose(
          [kappa, wronskian, eta, eta, scheduler.sigmaMemoryless(t) ** 2, scheduler.snr(t)],
          [
            alphaDot / alpha,
            alphaDot * beta - alpha * betaDot,
            (beta * wronskian) / alpha,
            beta * (kappa * beta - betaDot),
            2 * eta,
            alpha ** 2 / beta ** 2,
          ],
          { relative: 1e-10 },
        );
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  it("goes from noise to data: alpha rises, beta falls, and W and eta are positive", () => {
    fc.assert(
      fc.property(inside, inside, (s, t) => {
        const [early, late] = [Math.min(s, t), Math.max(s, t)];
        expect(scheduler.alpha(late)).toBeGreaterThanOrEqual(scheduler.alpha(early));
        expect(scheduler.beta(late)).toBeLessThanOrEqual(scheduler.beta(early));
        expect(scheduler.snr(late)).toBeGreaterThanOrEqual(scheduler.snr(early));
        expect(scheduler.wronskian(t)).toBeGreaterThan(0);
        expect(scheduler.eta(t)).toBeGreaterThan(0);
        expect(scheduler.alpha(t)).toBeGreaterThan(0);
        expect(scheduler.alpha(t)).toBeLessThan(1);
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it("gives finite numbers or its own errors at every time, and never NaN", () => {
    const times = fc.oneof(
      fc.double({ min: 0, max: 1 }),
      fc.constantFrom(0, 1, 5e-324, 1e-45, 1 - 2 ** -53, Number.NaN),
    );
    fc.assert(
      fc.property(times, fc.constantFrom(...coefficients, "modelInput" as const), (t, coefficient) => {
        try {
          expect(Number.isFinite(scheduler[coefficient](t))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(Number.isNaN(t) ? ArgumentError : SingularCoefficientError);
        }
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it.each([-1e-9, 1 + 1e-9, Number.NaN, Number.POSITIVE_INFINITY])("refuses the time %d by name", (t) => {
    for (const coefficient of [...coefficients, "modelInput"] as const) {
      expect(() => scheduler[coefficient](t)).toThrowError(ArgumentError);
      expect(() => scheduler[coefficient](t)).toThrowError(
        new RegExp(`${coefficient}: time must be in \\[0, 1\\].*got ${t}`),
      );
    }
  });

  it("comes back from its spec, through JSON", () => {
    const spec = JSON.parse(JSON.stringify(scheduler.spec())) as SchedulerSpec;
    const copy = schedulerFromSpec(spec);
    expect(copy.spec()).toEqual(scheduler.spec());
    expect(copy.constructor).toBe(scheduler.constructor);
    for (const t of [0.1, 0.5, 0.9]) {
      expect([copy.alpha(t), copy.beta(t), copy.kappa(t)]).toEqual([
        scheduler.alpha(t),
        scheduler.beta(t),
        scheduler.kappa(t),
      ]);
    }
  });
});

describe("the ends", () => {
  it.each([
    ["optimal-transport", 0, ["kappa", "eta", "sigmaMemoryless"]],
    ["optimal-transport", 1, ["snr"]],
    ["trigonometric", 0, ["kappa", "eta", "sigmaMemoryless"]],
    ["trigonometric", 1, ["snr"]],
    ["cosine 1", 0, ["kappa", "eta", "sigmaMemoryless"]],
    ["cosine 0.75", 0, ["kappa", "eta", "sigmaMemoryless"]],
    ["cosine 3", 1, ["snr"]],
    ["vp-linear", 0, []],
    ["vp-linear", 1, ["betaDot", "wronskian", "snr"]],
    ["diffusion linear", 0, []],
    ["diffusion linear", 1, []],
  ])("%s at t = %d is singular in %j and in nothing else", (name, t, singular) => {
    const thrown = coefficients.filter((coefficient) => {
      try {
        all[name]![coefficient](t);
        return false;
      } catch (error) {
        expect(error).toBeInstanceOf(SingularCoefficientError);
        expect(error).toMatchObject({ coefficient, time: t });
        expect((error as Error).message).toContain(`${coefficient} is singular at t = ${t}`);
        return true;
      }
    });
    expect(thrown).toEqual(singular);
  });

  it.each(Object.keys(smooth))("%s is exact at t = 1, without negative zeros", (name) => {
    const scheduler = smooth[name]!;
    expect([scheduler.alpha(1), scheduler.beta(1)]).toEqual([1, 0]);
    expect(Object.is(scheduler.eta(1), name === "vp-linear" ? 0.05 : 0)).toBe(true);
    expect(Object.is(scheduler.betaDot(0), -0)).toBe(false);
  });

  it("knows alphaDot(0) of the cosine path for every nu", () => {
    expect(new Cosine(0.75).alphaDot(0)).toBe(0);
    expect(new Cosine(2).alphaDot(0)).toBe(0);
    expect(() => new Cosine(0.4).alphaDot(0)).toThrowError(SingularCoefficientError);
  });

  it("has alpha(0) of the variance-preserving process small but not 0", () => {
    expect(new VPLinear().alpha(0)).toBeCloseTo(Math.exp(-5.025), 15);
  });
});

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

describe("CustomScheduler", () => {
  const linear = {
    alpha: (t: number) => t,
    beta: (t: number) => 1 - t,
    alphaDot: () => 1,
    betaDot: () => -1,
  };

  it("gives what the named scheduler gives", () => {
    const custom = new CustomScheduler(linear);
    const named = new OptimalTransport();
    for (const coefficient of coefficients) {
      for (const t of [0.1, 0.4, 0.95]) {
        expect(custom[coefficient](t)).toBeCloseTo(named[coefficient](t), 12);
      }
    }
    expect(() => custom.kappa(0)).toThrowError(SingularCoefficientError);
    expect(custom.modelInput(0.3)).toBe(0.3);
  });

  it("uses the user's own forms and model input", () => {
    const custom = new CustomScheduler({
      ...linear,
      kappa: () => 2,
      eta: () => 3,
      wronskian: () => 4,
      modelInput: () => 5,
    });
    expect([custom.kappa(0), custom.eta(0), custom.wronskian(0), custom.modelInput(0)]).toEqual([2, 3, 4, 5]);
  });

  it("refuses missing derivatives instead of guessing them", () => {
    const { alphaDot, ...rest } = linear;
    expect(alphaDot()).toBe(1);
    expect(() => new CustomScheduler(rest as never)).toThrowError(
      /alphaDot must be a function.*not replaced by finite/,
    );
  });

  it("refuses derivatives that are not those of the factors, unless told not to look", () => {
    expect(() => new CustomScheduler({ ...linear, betaDot: () => 1 })).toThrowError(
      /betaDot\(0.23\) is 1 but beta changes/,
    );
    expect(() => new CustomScheduler({ ...linear, alphaDot: () => Number.NaN })).toThrowError(ArgumentError);
    expect(new CustomScheduler({ ...linear, betaDot: () => 1, checkDerivatives: false }).betaDot(0.5)).toBe(1);
  });

  it("refuses memoryless noise where the signal-to-noise ratio falls", () => {
    const backwards = new CustomScheduler({
      alpha: (t) => 1 - t,
      beta: (t) => t,
      alphaDot: () => -1,
      betaDot: () => 1,
    });
    expect(() => backwards.sigmaMemoryless(0.5)).toThrowError(/eta is -1 at t = 0.5/);
  });

  it("has a spec with its name, from which nothing can be built", () => {
    const custom = new CustomScheduler({ ...linear, name: "mine" });
    expect(custom.spec()).toEqual({ type: "custom", name: "mine" });
    expect(() => schedulerFromSpec(custom.spec())).toThrowError(/"mine" was made from functions/);
    expect(() => custom.alpha(2)).toThrowError(/"mine"/);
  });
});

describe("evaluate", () => {
  const features = new FeatureSchedulers({ x: new Cosine(1), a: new Cosine(2) });
  const kappa = (scheduler: Scheduler, t: number): number => scheduler.kappa(t);

  it("is the function's value for one scheduler, and a record by part for several", () => {
    expect(new Cosine(1).evaluate(kappa, 0.3)).toBe(new Cosine(1).kappa(0.3));
    expect(features.evaluate(kappa, 0.3)).toEqual({ x: new Cosine(1).kappa(0.3), a: new Cosine(2).kappa(0.3) });
    const either: SchedulerLike = features;
    expectTypeOf(either.evaluate(kappa, 0.3)).toEqualTypeOf<number | Record<string, number>>();
  });

  it("computes once when all times are equal, and once a sample when not", () => {
    const counted = vi.fn(kappa);
    const times = new Float32Array(50).fill(0.25);
    expect(Array.from(new Cosine(1).evaluateBatch(counted, times))).toEqual(Array(50).fill(new Cosine(1).kappa(0.25)));
    expect(counted).toHaveBeenCalledTimes(1);
    times[49] = 0.5;
    const values = new Cosine(1).evaluateBatch(counted, times);
    expect(counted).toHaveBeenCalledTimes(51);
    expect([values[0], values[49]]).toEqual([new Cosine(1).kappa(0.25), new Cosine(1).kappa(0.5)]);
    expect(new Cosine(1).evaluateBatch(counted, new Float32Array(0))).toHaveLength(0);
    const parts = features.evaluateBatch(kappa, times);
    expect(Object.keys(parts)).toEqual(["x", "a"]);
    expect(parts.a![49]).toBe(new Cosine(2).kappa(0.5));
  });

  it("refuses a result that is not finite, with the function's name", () => {
    function quotient(scheduler: Scheduler, t: number): number {
      return scheduler.beta(t) / scheduler.wronskian(t);
    }
    expect(() => new Cosine(1).evaluate(quotient, 1)).toThrowError(/quotient is singular at t = 1/);
    expect(() => features.evaluateBatch(quotient, Float32Array.of(0.5, 1))).toThrowError(SingularCoefficientError);
  });

  it("comes back from its spec by part", () => {
    const spec = JSON.parse(JSON.stringify(features.spec())) as ReturnType<typeof features.spec>;
    const copy = schedulerFromSpec(spec);
    expect(copy).toBeInstanceOf(FeatureSchedulers);
    expect(copy.spec()).toEqual({
      type: "features",
      parts: { x: { type: "cosine", nu: 1 }, a: { type: "cosine", nu: 2 } },
    });
  });

  it("needs a part", () => {
    expect(() => new FeatureSchedulers({})).toThrowError(ArgumentError);
  });
});

describe("parameters and specs", () => {
  it.each([
    ["nu = 0", () => new Cosine(0)],
    ["nu = NaN", () => new Cosine(Number.NaN)],
    ["nu = infinity", () => new Cosine(Number.POSITIVE_INFINITY)],
    ["reversed rates", () => new VPLinear({ betaMin: 2, betaMax: 1 })],
    ["NaN rates", () => new VPLinear({ betaMin: Number.NaN })],
    ["zero rates", () => new VPLinear({ betaMin: 0, betaMax: 0 })],
  ])("refuses %s", (_, make) => {
    expect(make).toThrowError(ArgumentError);
  });

  it("suggests the nearest type", () => {
    expect(() => schedulerFromSpec({ type: "cosin" } as never)).toThrowError(/did you mean "cosine"/);
    expect(() => schedulerFromSpec({ type: "diffusion", betas: { kind: "liner" } } as never)).toThrowError(
      /did you mean "linear"/,
    );
  });

  it("keeps a named table short in its spec and any other table whole", () => {
    expect(JSON.stringify(Diffusion.scaledLinear().spec()).length).toBeLessThan(120);
    expect(new Diffusion([0.5, 0.25]).spec()).toEqual({ type: "diffusion", alphaBar: [0.5, 0.25] });
  });
});
