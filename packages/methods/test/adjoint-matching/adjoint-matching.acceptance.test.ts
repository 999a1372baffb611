import { constructEnv, type DDTensor, type NoConditioning, type Reward } from "@diffusiongym/core";
import {
  AdjointMatching,
  type AdjointMatchingOptions,
  type Evaluation,
  evaluate,
  evaluationTable,
  progressLine,
  train,
} from "@diffusiongym/methods";
import type { GaussianMixtureModel } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { DifferentiableMixture } from "../support/differentiable-mixture.js";
import { exactAnswer } from "../support/exact-answer.js";
import { pointNetwork, residualPolicy } from "../support/policies.js";
import { fourModes, type Problem, s1 } from "../support/problems.js";

/** Trains at a budget of METHODS 4.3 (3 x 64 SiLU on the exact field, Adam along a cosine) and judges on another seed. */
async function adapt(
  { environment, tilt }: Problem,
  dimension: number,
  options: Omit<AdjointMatchingOptions, "environment" | "policy">,
): Promise<Evaluation["samplers"][string]> {
  const { mixture } = environment.baseModel as GaussianMixtureModel;
  const model = new DifferentiableMixture({ mixture });
  const setup = constructEnv(model, environment.reward as Reward<DDTensor, NoConditioning>, {
    steps: environment.steps,
    rewardScale: environment.rewardScale,
  });
  const policy = residualPolicy(model, { definition: pointNetwork(dimension), dimension });
  const method = new AdjointMatching({ environment: setup, policy, batchSize: 256, ...options });
  await train(method, { onReport: (report) => report.iteration % 100 === 0 && console.log(progressLine(report)) });
  const evaluation = await evaluate(setup, {
    samplers: { adapted: { policy: method.adapted } },
    n: 20_000,
    exact: exactAnswer(tilt, 4000),
  });
  console.log(evaluationTable(evaluation));
  return evaluation.samplers.adapted!;
}

// METHODS 4.3. Total variation is measured by the exact cell masses of 4.4, the ODE from t = 0.001.
describe("adjoint matching, next adjoint", () => {
  it("S1, lambda = 1, N = 40, 1500 iterations", async () => {
    const { sde, ode } = await adapt(await s1(40), 1, { iterations: 1500, learningRate: 2e-3 });
    expect(sde!.exact.total_variation).toBeLessThan(0.08);
    expect(sde!.reward.mean).toBeGreaterThan(2.18);
    expect(sde!.reward.mean).toBeLessThan(2.4);
    expect(ode!.exact.achieved_lambda).toBeGreaterThan(0.82);
  });

  it("four modes in the plane, lambda = 0.5, N = 40, 1800 iterations", async () => {
    const { sde } = await adapt(await fourModes(40), 2, { iterations: 1800, learningRate: 5e-3 });
    expect(sde!.exact.total_variation).toBeLessThan(0.1);
    expect(sde!.reward.mean).toBeGreaterThan(1.2);
  });
});

describe("adjoint matching, current adjoint", () => {
  it("S1, N = 20, 500 iterations: documents the under-tilt", async () => {
    const { ode } = await adapt(await s1(20), 1, {
      iterations: 500,
      learningRate: 2e-3,
      adjointIndex: "current",
    });
    expect(ode!.exact.achieved_lambda).toBeLessThan(0.75);
  });
});
