import { TiltMatching } from "@diffusiongym/methods";
import { expect, it } from "vitest";
import { judgePolicy, trainAloud } from "../endpoint-regression/judge.js";
import { pointNetwork, residualPolicy } from "../support/policies.js";
import { fourModes } from "../support/problems.js";

// METHODS 4.5 and 1.14: 1200 iterations in all, a pool of 8192, B = 512 with 2 noisings, Adam 3e-3, EMA.
it("implicit tilt matching in one step, four modes in the plane, lambda = 0.5", async () => {
  const problem = await fourModes(64);
  const method = new TiltMatching({
    environment: problem.environment,
    policy: residualPolicy(problem.environment.baseModel, { definition: pointNetwork(2), dimension: 2 }),
    basePoolSize: 8192,
    noisings: 2,
  });
  console.log(await trainAloud(method));
  const { ode } = await judgePolicy(problem, method.adapted);
  expect(ode.totalVariation).toBeLessThan(0.03);
});
