import { constructEnv } from "@diffusiongym/core";
import { DDPO, progressLine, train } from "@diffusiongym/methods";
import { HalfSpaceReward } from "@diffusiongym/toy";
import { expect, it } from "vitest";
import { pointNetwork, residualPolicy } from "../support/policies.js";
import { s1 } from "../support/problems.js";

// METHODS 4.3, row "DDPO bounded reward (half-space h=1), a=√2, T=10, B=256".
it("DDPO on a half-space of S1, 100 iterations: the reward's maximum, far outside the data", async () => {
  const { environment } = await s1(10);
  const { baseModel } = environment;
  const half = constructEnv(baseModel, new HalfSpaceReward({ threshold: 1 }), { steps: 10 });
  const policy = residualPolicy(baseModel, { definition: pointNetwork(1) });
  const method = new DDPO({
    environment: half,
    policy,
    iterations: 100,
    batchSize: 256,
    learningRate: 1e-3,
    maxKlPath: 1e3,
  });
  const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, v) => sum + v / values.length, 0);
  const before = await half.sample(20_000, { seed: 1 });
  expect(Math.abs(mean(before.rewards) - 0.214)).toBeLessThan(0.02);
  await train(method, { onReport: (report) => report.iteration % 10 === 0 && console.log(progressLine(report)) });
  const { rewards, pathCosts, latent } = await half
    .withPolicies({ policy: method.adapted })
    .sample(20_000, { seed: 1 });
  console.log(`P(r = 1) ${mean(rewards)}, path KL ${mean(pathCosts)}, mean x ${mean(latent.data)}`);
  expect(mean(rewards)).toBeGreaterThan(0.95);
  expect(mean(pathCosts)).toBeGreaterThan(5);
});
