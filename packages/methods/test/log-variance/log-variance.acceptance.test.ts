import type { DDTensor, NoConditioning } from "@diffusiongym/core";
import {
  evaluate,
  evaluationTable,
  LogVariance,
  type PolicyMethod,
  type PolicyMethodOptions,
  progressLine,
  Reinforce,
  train,
} from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import { exactAnswer } from "../support/exact-answer.js";
import { pointNetwork, residualPolicy } from "../support/policies.js";
import { s1 } from "../support/problems.js";

// Not in the tables of METHODS: the budget of its row for Flow-GRPO with KL to go (T = 20, B = 512, 400 iterations, 3 x 64 SiLU on the exact
// field), and that row's bounds, for the two other methods with the same optimum.
describe.each([
  ["log-variance", (options: PolicyMethodOptions) => new LogVariance(options)],
  [
    "log-variance with replay",
    (options: PolicyMethodOptions) => new LogVariance({ ...options, replaySize: 8, updatesPerRollout: 2 }),
  ],
  ["REINFORCE", (options: PolicyMethodOptions) => new Reinforce(options)],
] as [string, (options: PolicyMethodOptions) => PolicyMethod<DDTensor, NoConditioning>][])(
  "%s on S1, lambda = 1",
  (_, make) => {
    it("400 iterations", async () => {
      const { environment, tilt } = await s1(20);
      const policy = residualPolicy(environment.baseModel, { definition: pointNetwork(1) });
      const method = make({
        environment,
        policy,
        iterations: 400,
        batchSize: 512,
        learningRate: 3e-3,
        averageDecay: 0.98,
      });
      await train(method, { onReport: (report) => report.iteration % 50 === 0 && console.log(progressLine(report)) });
      const evaluation = await evaluate(environment, {
        samplers: { adapted: { policy: method.adapted } },
        n: 20_000,
        exact: exactAnswer(tilt, 4000),
      });
      console.log(evaluationTable(evaluation));
      const { sde } = evaluation.samplers.adapted!;
      expect(sde!.reward.mean).toBeGreaterThan(2.12);
      expect(sde!.exact.total_variation).toBeLessThan(0.11);
    });
  },
);
