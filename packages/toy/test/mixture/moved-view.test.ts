import { outputTypes, RandomKey } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { GaussianMixture, pathPoint } from "../../src/mixture/index.js";
import { goldenMixture, type MixtureName } from "../fixtures/gmm.js";
import { scheduleNames, schedulers } from "../fixtures/schedulers.js";

const spread = GaussianMixture.from({
  means: [
    [0, 1, 2],
    [-1, 0, 1],
  ],
  standardDeviations: [
    [0.3, 0.5, 0.3],
    [0.7, 0.5, 0.4],
  ],
});
const mixtures = {
  ...Object.fromEntries((["gmm1d", "gmm2dIso", "gmm2dFull"] satisfies MixtureName[]).map((n) => [n, goldenMixture(n)])),
  "different on every axis": spread,
};

describe.each(Object.entries(mixtures))("%s: a view that is moved", (_, mixture) => {
  it.each(scheduleNames)("is a new one to the last bit, wherever it has been, on the %s path", (name) => {
    const scheduler = schedulers[name];
    const stream = RandomKey.fromSeed(4).stream();
    const draw = (): Float64Array => Float64Array.from({ length: 5 * mixture.dimension }, () => 2 * stream.normal());
    const moved = mixture.atTime(scheduler, 0.5);
    for (const time of [0.9, 1e-3, 0.4, 1, 0.4]) {
      moved.moveTo(pathPoint(scheduler, time));
      const fresh = mixture.atTime(scheduler, time);
      const [x, cotangents] = [draw(), draw()];
      expect(moved.point).toEqual(fresh.point);
      expect(moved.logDensity(x)).toEqual(fresh.logDensity(x));
      expect(moved.responsibilities(x)).toEqual(fresh.responsibilities(x));
      expect(moved.posteriorGains()).toEqual(fresh.posteriorGains());
      for (const type of outputTypes) {
        expect(moved.output(type, x)).toEqual(fresh.output(type, x));
        expect(moved.vjp(type, x, cotangents)).toEqual(fresh.vjp(type, x, cotangents));
        expect(moved.divergence(type, x)).toEqual(fresh.divergence(type, x));
      }
    }
  });
});
