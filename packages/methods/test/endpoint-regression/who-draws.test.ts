import { constructEnv, type Environment } from "@diffusiongym/core";
import {
  DiffusionNft,
  EfficientAdjointMatching,
  type Method,
  PathWeightedTiltMatching,
  ReinforceAdjointMatching,
  type ResidualPolicy,
  RewardWeightedFlowMatching,
  RewardWeightedRegression,
  TiltMatching,
} from "@diffusiongym/methods";
import { LinearReward } from "@diffusiongym/toy";
import { expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { lineNetwork, residualPolicy } from "../support/policies.js";

const model = new GaussianModel();
const environment: Environment = constructEnv(model, new LinearReward(), { steps: 16, rewardScale: 0.2 });

const common = (policy: ResidualPolicy) => ({
  environment,
  policy,
  iterations: 6,
  batchSize: 256,
  noisings: 1,
  solverSteps: 8,
  learningRate: () => 0,
});
const pools = { rounds: 2, roundIterations: 3, basePoolSize: 256, poolSize: 256, leastEss: 5, ladderEss: 50 };

/**
 * Mean rewards of six iterations. After the first the policy is moved by hand to v + 1, whose samples have a mean near 1 (the
 * learning rate is 0), which shows who draws: a stale policy stays at 0.
 */
async function rewards(make: (policy: ResidualPolicy) => Method): Promise<number[]> {
  const policy = residualPolicy(model, { definition: lineNetwork() });
  const method = make(policy);
  const means: number[] = [];
  while (method.iteration < method.iterations) {
    means.push((await method.iterate()).reward!);
    policy.parameters.data.set([0, 1]);
    const adapted = (method as unknown as { average?: { parameters: { data: Float32Array } } }).average;
    adapted?.parameters.data.set([0, 1]);
  }
  return means;
}

const moved = (means: readonly number[]): boolean[] => means.map((mean) => mean > 0.5);

it("a stale rollout policy would show: who draws in each iteration", async () => {
  // The policy in training, from the next iteration on.
  expect(
    moved(await rewards((policy) => new ReinforceAdjointMatching({ ...common(policy), baseline: "mean" }))),
  ).toEqual([false, true, true, true, true, true]);
  expect(moved(await rewards((policy) => new EfficientAdjointMatching({ ...common(policy), odeSteps: 8 })))).toEqual([
    false,
    true,
    true,
    true,
    true,
    true,
  ]);
  // The old policy, which is replaced after every iteration: one later.
  expect(moved(await rewards((policy) => new DiffusionNft({ ...common(policy), oldDecay: 0 })))).toEqual([
    false,
    false,
    true,
    true,
    true,
    true,
  ]);
  // A copy that is renewed after the third iteration.
  expect(
    moved(await rewards((policy) => new RewardWeightedFlowMatching({ ...common(policy), refreshEvery: 3 }))),
  ).toEqual([false, false, false, true, true, true]);
  // The averaged policy at the beginning of the second round.
  for (const make of [
    (policy: ResidualPolicy) => new PathWeightedTiltMatching({ ...common(policy), ...pools, consistencyLimit: 100 }),
    (policy: ResidualPolicy) => new TiltMatching({ ...common(policy), ...pools }),
    (policy: ResidualPolicy) => new RewardWeightedRegression({ ...common(policy), ...pools }),
  ]) {
    expect(moved(await rewards(make))).toEqual([false, false, false, true, true, true]);
  }
});
