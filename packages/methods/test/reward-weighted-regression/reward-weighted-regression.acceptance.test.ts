import { RewardWeightedRegression } from "@diffusiongym/methods";
import { expect, it } from "vitest";
import { judgePolicy, trainAloud } from "../endpoint-regression/judge.js";
import { pointNetwork, residualPolicy } from "../support/policies.js";
import { s1 } from "../support/problems.js";

// METHODS 4.3: 20 000 samples of the base model, 2500 steps.
it("offline, S1, lambda = 0.5", async () => {
  const problem = await s1(64, 0.5);
  const method = new RewardWeightedRegression({
    environment: problem.environment,
    policy: residualPolicy(problem.environment.baseModel, { definition: pointNetwork(1) }),
    iterations: 2500,
    basePoolSize: 20_000,
  });
  const metrics = await trainAloud(method);
  console.log(metrics);
  expect(metrics.ess_fraction).toBeGreaterThan(0.48);
  expect(metrics.ess_fraction).toBeLessThan(0.52);
  const { ode, achievedScale } = await judgePolicy(problem, method.adapted);
  expect(ode.totalVariation).toBeLessThan(0.05);
  expect(achievedScale).toBeGreaterThan(0.44);
  expect(achievedScale).toBeLessThan(0.56);
});
