import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { ArgumentError, SingularCoefficientError } from "../../src/errors/index.js";
import {
  Cosine,
  FeatureSchedulers,
  type Scheduler,
  type SchedulerLike,
  schedulerFromSpec,
} from "../../src/schedulers/index.js";

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
