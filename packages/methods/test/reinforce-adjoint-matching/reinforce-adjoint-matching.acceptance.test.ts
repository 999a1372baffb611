import {
  ReinforceAdjointMatching,
  type ReinforceAdjointMatchingOptions,
  type ResidualPolicy,
  train,
} from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import { type Judgement, judgePolicy, trainAloud } from "../endpoint-regression/judge.js";
import { pointNetwork, residualPolicy } from "../support/policies.js";
import { fourModes, type Problem, s1, valueNetwork } from "../support/problems.js";

const policyFor = ({ environment }: Problem, dimension: number): ResidualPolicy =>
  residualPolicy(environment.baseModel, {
    definition: pointNetwork(dimension),
    dimension,
    scale: "one-minus-t",
  });

async function adapt(
  problem: Problem,
  dimension: number,
  options: Partial<ReinforceAdjointMatchingOptions>,
): Promise<Judgement> {
  const method = new ReinforceAdjointMatching({
    environment: problem.environment,
    policy: policyFor(problem, dimension),
    rewardBaseline: valueNetwork(dimension),
    costBaseline: valueNetwork(dimension),
    ...options,
  });
  console.log(await trainAloud(method));
  return judgePolicy(problem, method.adapted);
}

// METHODS 4.5: B = 256, K = 4, Adam 3e-3 along a cosine, EMA .99, 12 Heun steps; n = 50 000.
describe("reinforce adjoint matching", () => {
  it("S1, lambda = 1: its own fixed point without path cost, at most half the total variation with it", async () => {
    const problem = await s1(64);
    const plain = await adapt(problem, 1, { iterations: 1000 });
    expect(plain.ode.reward).toBeGreaterThan(1.7);
    expect(plain.ode.reward).toBeLessThan(1.95);
    const kept = await adapt(problem, 1, { pathCost: true });
    expect(kept.sde.totalVariation).toBeLessThan(0.06);
    expect(kept.sde.totalVariation).toBeLessThan(plain.sde.totalVariation / 2);
  });

  it("four modes in the plane, lambda = 0.5", async () => {
    const problem = await fourModes(64);
    const plain = await adapt(problem, 2, { iterations: 1000 });
    const kept = await adapt(problem, 2, { pathCost: true });
    expect(kept.sde.totalVariation).toBeLessThan(0.03);
    expect(kept.sde.totalVariation).toBeLessThan(plain.sde.totalVariation / 2);
  });

  it("S1, lambda = 1, mean-centred: refused with the words of rule 3, and no NaN", async () => {
    const problem = await s1(64);
    const policy = policyFor(problem, 1);
    const method = new ReinforceAdjointMatching({
      environment: problem.environment,
      policy,
      baseline: "mean",
      iterations: 300,
    });
    await expect(train(method)).rejects.toThrow("unstable");
    expect(policy.parameters.data.every(Number.isFinite)).toBe(true);
  });
});
