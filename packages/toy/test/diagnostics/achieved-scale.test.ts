import { type OutputType, RandomKey } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import {
  achievedRewardScale,
  ExactTilt,
  environmentField,
  type GaussianMixture,
  LinearReward,
  mixtureField,
  odeSamples,
} from "../../src/index.js";
import { relativeError } from "../fixtures/gmm.js";
import { exactlySteered, fourModes, s1 } from "../fixtures/s1.js";
import { schedulers } from "../fixtures/schedulers.js";

const streams = () => RandomKey.fromSeed(33).streams();
const scheduler = schedulers.ot;

// METHODS A10 and 4.4: the evaluator itself, on the exact field.
describe("A10: the exact field scores its own reward scale", () => {
  it.each([
    ["S1", s1, 1, 0.952],
    ["S1 at lambda = 3", s1, 3, 2.865],
    ["four modes", fourModes, 0.5, 0.471],
  ] as const)(
    "%s: within .005 lambda from t = .001, and the documented bias from t = .02",
    async (_, mixture, rewardScale, biased) => {
      const tilt = new ExactTilt({ mixture, reward: new LinearReward(), rewardScale });
      const field = mixtureField(tilt.tilted!, scheduler);
      const result = await achievedRewardScale(field, tilt, { streams: streams(), count: 800 });
      expect(Math.abs(result.rewardScale - rewardScale)).toBeLessThan(0.005 * rewardScale);
      expect(Math.abs(result.klToTilted)).toBeLessThan(1e-3);
      expect(result.rSquared).toBeGreaterThan(0.999);
      expect(Math.abs(result.intercept + tilt.logNormalizer)).toBeLessThan(0.02 * rewardScale + 0.01);
      const late = await achievedRewardScale(field, tilt, { streams: streams(), count: 800, startTime: 0.02 });
      expect(Math.abs(late.rewardScale - biased)).toBeLessThan(0.02 * rewardScale);
    },
  );
});

describe("densities along the flow", () => {
  it.each([
    ["S1", s1],
    ["four modes", fourModes],
  ] as const)("%s: log p of the flow of the base field is the base's own", async (_, mixture: GaussianMixture) => {
    const { points, logDensities } = await odeSamples(mixtureField(mixture, scheduler), {
      streams: streams(),
      count: 300,
    });
    expect(relativeError(logDensities, mixture.logDensity(points), 1)).toBeLessThan(0.01);
  });

  it("differences stand in for the divergence", async () => {
    const exact = mixtureField(fourModes, scheduler);
    const { velocity, dimension } = exact;
    const options = { count: 100, steps: 60 };
    const a = await odeSamples(exact, { ...options, streams: streams() });
    const b = await odeSamples({ velocity, dimension }, { ...options, streams: streams() });
    expect(b.points).toEqual(a.points);
    expect(relativeError(b.logDensities, a.logDensities, 1)).toBeLessThan(1e-3);
  });

  it.each(["velocity", "epsilon", "endpoint", "score"] as const satisfies readonly OutputType[])(
    "an environment steered by the exact control has the flow of the tilted mixture (%s model of the field)",
    async (outputType) => {
      const { environment, tilt } = exactlySteered(s1, { steps: 32, rewardScale: 1, outputType });
      const field = environmentField(environment, 1);
      const x = Float64Array.of(-1.5, 0.2, 1, 2.4);
      for (const t of [0.2, 0.6, 0.95]) {
        const expected = tilt.optimalOutput("velocity", x, scheduler, t);
        expect(relativeError(await field.velocity(x, t), expected, 1)).toBeLessThan(2e-4);
      }
    },
  );

  it("and scores the reward scale through differences in 32 bits", async () => {
    const { environment, tilt } = exactlySteered(s1, { steps: 32, rewardScale: 1 });
    const result = await achievedRewardScale(environmentField(environment, 1), tilt, {
      streams: streams(),
      count: 400,
    });
    expect(Math.abs(result.rewardScale - 1)).toBeLessThan(0.01);
    expect(result.rSquared).toBeGreaterThan(0.99);
  });

  it("refuses bad options and a field that blows up", async () => {
    const field = mixtureField(s1, scheduler);
    await expect(odeSamples(field, { streams: streams(), steps: 0 })).rejects.toThrow("whole number from 1");
    await expect(odeSamples(field, { streams: streams(), startTime: 1 })).rejects.toThrow("[0, 1)");
    const wild = { dimension: 1, velocity: (x: Float64Array) => x.map((value) => value ** 9 * 1e9) };
    await expect(odeSamples(wild, { streams: streams(), count: 10 })).rejects.toThrow(
      expect.objectContaining({ name: "NonFiniteError" }),
    );
  });
});
