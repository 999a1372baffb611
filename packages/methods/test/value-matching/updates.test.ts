import { constructEnv, type Environment } from "@diffusiongym/core";
import { ValueMatching } from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { valueNetwork } from "../support/problems.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const environment: Environment = constructEnv(model, new LinearReward(), { steps: 6, rewardScale: 0.5 });
const make = (updatesPerIteration: number, setup: { environment: Environment; iterations: number }) =>
  new ValueMatching({
    ...setup,
    value: valueNetwork(1, { width: 16, depth: 1 }),
    batchSize: 32,
    learningRate: () => 1e-2,
    updatesPerIteration,
  });

describe("several updates on the rollouts of an iteration", () => {
  it("keep the promises of every method", async () => {
    await checkMethod({
      environment,
      make: (setup) => make(3, setup),
      adapted: (method) => ({ controlPolicy: method.controlPolicy }),
      iterations: 20,
    });
  });

  it("are steps of the optimizer on targets that stay as they are, so that these are met better", async () => {
    const [once, often] = [make(1, { environment, iterations: 2 }), make(20, { environment, iterations: 2 })];
    const [first, alike] = [await once.iterate(), await often.iterate()];
    expect(alike.loss).toBe(first.loss);
    expect([once.state().values.optimizerStep, often.state().values.optimizerStep]).toEqual([1, 20]);
    // The same noise for both in the second iteration, and a value that has come nearer.
    expect((await often.iterate()).loss!).toBeLessThan((await once.iterate()).loss!);
  });

  it("are part of what a checkpoint must agree on, and a whole number from 1", () => {
    expect(make(3, { environment, iterations: 2 }).describe().updatesPerIteration).toBe(3);
    expect(make(1, { environment, iterations: 2 }).describe()).not.toHaveProperty("updatesPerIteration");
    expect(() => make(0, { environment, iterations: 2 })).toThrow("updatesPerIteration");
  });
});
