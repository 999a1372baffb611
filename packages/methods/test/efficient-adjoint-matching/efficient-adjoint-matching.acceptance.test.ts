import { constructEnv, type Environment } from "@diffusiongym/core";
import { EfficientAdjointMatching, evaluate, evaluationTable, progressLine, train } from "@diffusiongym/methods";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { exactAnswer } from "../support/exact-answer.js";
import { GaussianModel } from "../support/gaussian-model.js";
import { pointNetwork, residualPolicy } from "../support/policies.js";
import { fourModes } from "../support/problems.js";

async function adapt(
  environment: Environment,
  dimension: number,
  iterations: number,
): Promise<EfficientAdjointMatching> {
  const policy = residualPolicy(environment.baseModel, { definition: pointNetwork(dimension), dimension });
  const method = new EfficientAdjointMatching({
    environment,
    policy,
    iterations,
    learningRate: 3e-3,
    averageDecay: 0.99,
    odeSteps: 12,
    scoreTime: 0.999,
  });
  await train(method, { onReport: (report) => report.iteration % 100 === 0 && console.log(progressLine(report)) });
  return method;
}

// METHODS 4.5, row EAM.
describe("efficient adjoint matching", () => {
  it("a single Gaussian: mean 1.25, deviation 0.5", async () => {
    const model = new GaussianModel({ mean: 1, deviation: 0.5 });
    const environment = constructEnv(model, new LinearReward(), { steps: 32, rewardScale: 1 });
    const method = await adapt(environment, 1, 600);
    const { samplers } = await evaluate(environment, { samplers: { adapted: { policy: method.adapted } }, n: 50_000 });
    const { reward } = samplers.adapted!.ode!;
    expect(Math.abs(reward.mean - 1.25)).toBeLessThan(0.02);
    expect(Math.abs(reward.std - 0.5)).toBeLessThan(0.02);
  });

  it("four modes in the plane: documents that modes keep their weights", async () => {
    const { environment, tilt } = await fourModes(32);
    const method = await adapt(environment, 2, 1000);
    const evaluation = await evaluate(environment, {
      samplers: { adapted: { policy: method.adapted } },
      n: 20_000,
      exact: exactAnswer(tilt),
    });
    console.log(evaluationTable(evaluation));
    expect(evaluation.samplers.adapted!.ode!.exact.total_variation).toBeGreaterThan(0.25);
  });
});
