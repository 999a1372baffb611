import { describe, expect, it } from "vitest";
import { ArgumentError, SingularCoefficientError } from "../../src/errors/index.js";
import {
  constantNoise,
  customNoise,
  Diffusion,
  memorylessNoise,
  type NoiseScheduleSpec,
  noiseScheduleFromSpec,
  OptimalTransport,
  scaledMemorylessNoise,
  Trigonometric,
} from "../../src/schedulers/index.js";

const schedulers = [new OptimalTransport(), new Trigonometric(), Diffusion.linear()];

describe("sigma", () => {
  it.each([0.05, 0.5, 0.95])("has its definition at t = %d", (t) => {
    for (const scheduler of schedulers) {
      const eta = scheduler.eta(t);
      expect(memorylessNoise().sigma(t, scheduler)).toBe(Math.sqrt(2 * eta));
      expect(constantNoise(0.7).sigma(t, scheduler)).toBe(0.7);
      // METHODS 0.3: sigma = a sigma_ml / sqrt 2.
      expect(scaledMemorylessNoise(0.7).sigma(t, scheduler)).toBeCloseTo(0.7 * Math.sqrt(eta), 13);
      expect(customNoise((time, path) => time * path.beta(time)).sigma(t, scheduler)).toBe(t * scheduler.beta(t));
    }
  });

  it("is memoryless to the last bit at a = sqrt 2, and is then said to be", () => {
    const scaled = scaledMemorylessNoise(Math.SQRT2);
    for (const scheduler of schedulers) {
      expect(scaled.sigma(0.3, scheduler)).toBe(memorylessNoise().sigma(0.3, scheduler));
    }
    expect(
      [memorylessNoise(), scaled, scaledMemorylessNoise(1), constantNoise(1), customNoise(() => 1)].map(
        (n) => n.isMemoryless,
      ),
    ).toEqual([true, true, false, false, false]);
  });

  it("is defined at t = 0 exactly where it is finite", () => {
    const linear = new OptimalTransport();
    expect(() => memorylessNoise().sigma(0, linear)).toThrowError(SingularCoefficientError);
    expect(() => scaledMemorylessNoise(0.5).sigma(0, linear)).toThrowError(SingularCoefficientError);
    expect(scaledMemorylessNoise(0).sigma(0, linear)).toBe(0);
    expect(constantNoise(0).sigma(0, linear)).toBe(0);
    expect(memorylessNoise().sigma(1, linear)).toBe(0);
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])("refuses the level %d", (level) => {
    expect(() => constantNoise(level)).toThrowError(ArgumentError);
    expect(() => scaledMemorylessNoise(level)).toThrowError(ArgumentError);
    const bad = customNoise(() => level, "mine");
    expect(() => bad.sigma(0.25, new OptimalTransport())).toThrowError(/"mine": sigma\(0.25\)/);
  });
});

describe("spec", () => {
  it.each([memorylessNoise(), constantNoise(0.5), scaledMemorylessNoise(0.7)])(
    "%# comes back through JSON",
    (noise) => {
      const copy = noiseScheduleFromSpec(JSON.parse(JSON.stringify(noise.spec())) as NoiseScheduleSpec);
      expect(copy.spec()).toEqual(noise.spec());
      expect(copy.isMemoryless).toBe(noise.isMemoryless);
      expect(copy.sigma(0.4, new OptimalTransport())).toBe(noise.sigma(0.4, new OptimalTransport()));
    },
  );

  it("of a function names it and cannot be built from", () => {
    expect(customNoise(() => 1, "mine").spec()).toEqual({ type: "custom", name: "mine" });
    expect(() => noiseScheduleFromSpec({ type: "custom", name: "mine" })).toThrowError(/noise schedule "mine"/);
  });

  it("suggests the nearest type", () => {
    expect(() => noiseScheduleFromSpec({ type: "memoryles" } as never)).toThrowError(/did you mean "memoryless"/);
  });
});
