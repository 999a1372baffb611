import { constructEnv, type DDTensor, type NoConditioning, type Reward } from "@diffusiongym/core";
import {
  AdjointMatching,
  type AdjointMatchingOptions,
  type Evaluation,
  evaluate,
  evaluationTable,
  progressLine,
  type ResidualScale,
  train,
} from "@diffusiongym/methods";
import { Adam } from "@diffusiongym/nn";
import { GaussianMixtureModel } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { exactAnswer } from "../support/exact-answer.js";
import { pointNetwork, residualPolicy } from "../support/policies.js";
import { fourModes, type Problem, s1 } from "../support/problems.js";

/** Trains at a budget of METHODS 4.3 (3 x 64 SiLU on the exact field, Adam along a cosine) and judges on another seed. */
async function adapt(
  { environment, tilt }: Problem,
  dimension: number,
  { scale = "one", ...options }: Omit<AdjointMatchingOptions, "environment" | "policy"> & { scale?: ResidualScale },
): Promise<Evaluation["samplers"][string]> {
  const { mixture } = environment.baseModel as GaussianMixtureModel;
  const model = new GaussianMixtureModel({ mixture });
  const setup = constructEnv(model, environment.reward as Reward<DDTensor, NoConditioning>, {
    steps: environment.steps,
    rewardScale: environment.rewardScale,
  });
  const policy = residualPolicy(model, { definition: pointNetwork(dimension), dimension, scale });
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
    // Between separated modes rare large gradients carry the signal. A second moment that remembers them for long keeps Adam from
    // shrinking just these: after 600 iterations the total variation is .163, .149, .118 at beta2 = .95, .999, .9999. Known to
    // miss its row: .114 and E r 1.14 here (.137 and 1.05 with Adam's default, .158 and .96 with clipping at 1 besides), while
    // the reward wanders between .7 and 2.0 from one window of iterations to the next. METHODS has one run, at .062 and 1.36.
    //
    // Compared with METHODS line by line, everything it states is the same here: interior grid of 40 steps, adjoint of the next step, all
    // steps in the loss with weight dt / eta, batch 256 of fresh rollouts, Adam with a cosine from 5e-3 to 0, no clipping, no mask, 3 x 64
    // SiLU on x and the five features of t, PyTorch's initialization, no average. What differs between runs is the seed, and it decides: with
    // exactly these settings (beta2 = .999, no average, scale "one") seed 0 ends at .120 and 1.12 after 1800 iterations; after 300, seeds
    // 0, 1, 2 end at .097, .157, .153 and 1.23, .98, 1.00; after 60 at .113, .213, .259 and 1.15, .75, .56. METHODS' three runs of this
    // problem, at several learning rates and batches, lie at .062, .119 and .162. A long run is little better than a short one: the
    // weight between modes is learned from a few paths in ten thousand. The bar was set by the best of three runs, one seed each.
    const { sde } = await adapt(await fourModes(40), 2, {
      iterations: 1800,
      learningRate: 5e-3,
      optimizer: (parameters, learningRate) => new Adam(parameters, { learningRate, beta2: 0.9999 }),
      averageDecay: 0.99,
      scale: "one-minus-t",
    });
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
