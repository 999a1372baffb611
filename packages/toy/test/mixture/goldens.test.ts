import { describe, expect, it } from "vitest";
import { golden, goldenMixture, relativeError } from "../fixtures/gmm.js";
import { schedulers } from "../fixtures/schedulers.js";

// analytic/gmm.json, `fields`: all 48 cases, tolerance 1e-9 as its `about` recommends (METHODS T1).
describe("fields of analytic/gmm.json", () => {
  it("holds all 48 cases", () => {
    expect(golden.fields).toHaveLength(48);
  });

  it.each(golden.fields.map((field) => [`${field.mixture} ${field.schedule} t=${field.t}`, field] as const))(
    "%s",
    (_, field) => {
      const scheduler = schedulers[field.schedule];
      const mixture = goldenMixture(field.mixture);
      const noised = mixture.atTime(scheduler, field.t);
      const x = field.x.data;
      expect(relativeError(noised.logDensity(x), field.logDensity.data)).toBeLessThan(1e-9);
      expect(relativeError(noised.responsibilities(x), field.responsibilities.data, 1e-9)).toBeLessThan(1e-9);
      for (const type of ["score", "epsilon", "endpoint", "velocity"] as const) {
        expect(relativeError(noised.output(type, x), field[type].data)).toBeLessThan(1e-9);
      }
      const velocity = noised.output("velocity", x);
      const drift = velocity.map((entry, j) => 2 * entry - scheduler.kappa(field.t) * x[j]!);
      expect(relativeError(drift, field.memorylessDrift.data)).toBeLessThan(1e-9);
    },
  );
});
