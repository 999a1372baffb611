import { DiffusionNft, drawEndpoints } from "@diffusiongym/methods";
import { expect, it } from "vitest";
import { pointNetwork, residualPolicy } from "../support/policies.js";
import { s1 } from "../support/problems.js";

// METHODS 4.3: three rounds, of which each must raise the mean reward; it has no tilt to be held to.
it("S1: the mean reward rises in each of three rounds", async () => {
  const { environment } = await s1(16);
  const policy = residualPolicy(environment.baseModel, { definition: pointNetwork(1) });
  const method = new DiffusionNft({
    environment,
    policy,
    iterations: 3,
    updatesPerIteration: 400,
    batchSize: 2048,
    noisings: 1,
    oldDecay: 0,
    learningRate: 3e-3,
  });
  const reward = async (): Promise<number> => {
    const { rewards } = await drawEndpoints({ environment, policy, n: 20_000, seed: 77 });
    return rewards.reduce((sum, value) => sum + value, 0) / rewards.length;
  };
  const means = [await reward()];
  while (method.iteration < method.iterations) {
    console.log(await method.iterate());
    means.push(await reward());
  }
  console.log(means);
  for (let round = 1; round < means.length; round++) {
    expect(means[round]!).toBeGreaterThan(means[round - 1]! + 0.05);
  }
});
