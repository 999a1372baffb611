import { constructEnv, type Environment } from "@diffusiongym/core";
import { ValueMatching } from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { LinearReward } from "@diffusiongym/toy";
import { it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { valueNetwork } from "../support/problems.js";

it("value matching keeps the promises of every method", async () => {
  const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
  const environment: Environment = constructEnv(model, new LinearReward(), { steps: 6, rewardScale: 0.5 });
  await checkMethod({
    environment,
    make: (setup) =>
      new ValueMatching({
        ...setup,
        value: valueNetwork(1, { width: 16, depth: 1 }),
        batchSize: 32,
        learningRate: 1e-2,
      }),
    adapted: (method) => ({ controlPolicy: method.controlPolicy }),
    iterations: 40,
  });
});
