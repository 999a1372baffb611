import { RewardWeightedFlowMatching } from "@diffusiongym/methods";
import { expect, it } from "vitest";
import { pointNetwork, residualPolicy } from "../support/policies.js";
import { s1 } from "../support/problems.js";

// METHODS 4.3: tau = .5, alpha = 1, 20 rounds: its own stationary point, mean reward in [.3, .75], the last 5 rounds within .05.
it("S1: stationary between the base model and the tilt", async () => {
  const { environment } = await s1(16);
  const policy = residualPolicy(environment.baseModel, { definition: pointNetwork(1) });
  const refreshEvery = 100;
  const method = new RewardWeightedFlowMatching({
    environment,
    policy,
    iterations: 20 * refreshEvery,
    refreshEvery,
    batchSize: 512,
    temperature: 0.5,
    referencePenalty: 1,
  });
  const rounds: number[] = [];
  let sum = 0;
  while (method.iteration < method.iterations) {
    sum += (await method.iterate()).reward!;
    if (method.iteration % refreshEvery === 0) {
      rounds.push(sum / refreshEvery);
      sum = 0;
    }
  }
  console.log(rounds.map((mean) => mean.toFixed(3)).join(" "));
  const last = rounds.slice(-5);
  expect(Math.max(...last) - Math.min(...last)).toBeLessThan(0.05);
  expect(last.at(-1)).toBeGreaterThan(0.3);
  expect(last.at(-1)).toBeLessThan(0.75);
});
