import { describe, expect, it } from "vitest";
import { ArgumentError, SingularCoefficientError } from "../../src/errors/index.js";
import { CustomScheduler, OptimalTransport, schedulerFromSpec } from "../../src/schedulers/index.js";

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
