import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { ArgumentError, SingularCoefficientError } from "../../src/errors/index.js";
import {
  Cosine,
  Diffusion,
  OptimalTransport,
  type Scheduler,
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

describe("parameters and specs", () => {
  it.each([
    ["nu = 0", () => new Cosine(0)],
    ["nu = NaN", () => new Cosine(Number.NaN)],
    ["nu = infinity", () => new Cosine(Number.POSITIVE_INFINITY)],
    ["reversed rates", () => new VPLinear({ betaMin: 2, betaMax: 1 })],
    ["NaN rates", () => new VPLinear({ betaMin: Number.NaN })],
    ["rates as strings", () => new VPLinear({ betaMin: "0.1" as never })],
    ["nu as a string", () => new Cosine("1" as never)],
    ["a spec that is a name", () => schedulerFromSpec("cosine" as never)],
    ["a scheduler in place of its spec", () => schedulerFromSpec(new Cosine() as never)],
    ["no spec", () => schedulerFromSpec(null as never)],
    ["a table that is missing", () => schedulerFromSpec({ type: "diffusion" } as never)],
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
