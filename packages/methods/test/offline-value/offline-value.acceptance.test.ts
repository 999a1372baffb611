import { ValuePolicy } from "@diffusiongym/core";
import {
  evaluate,
  evaluationTable,
  OfflineValue,
  type OfflineValueLoss,
  progressLine,
  train,
} from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import { exactAnswer } from "../support/exact-answer.js";
import { s1, valueNetwork } from "../support/problems.js";

// Not in the tables of METHODS: what a value of the continuous process must give by its consequence (ii) of 6.1. Pool of 32 768, 3 x 64 SiLU,
// N = 50, measured by the exact cell masses of 4.4.
// The bounds on the path ESS follow the first measurement, .84 and .90: the exponential loss is the noisier one.
describe.each([
  ["exponential", 0.8],
  ["contrastive", 0.85],
] as const)("the value of S1, lambda = 1, %s loss", (loss: OfflineValueLoss, leastEss: number) => {
  it("gives the tilt at (x_k, t_k), and too much of it with look-ahead", async () => {
    const { environment, tilt } = await s1(50);
    const method = new OfflineValue({
      environment,
      value: valueNetwork(1),
      loss,
      poolSize: 32_768,
      iterations: 2000,
      batchSize: 1024,
      learningRate: 3e-3,
    });
    await train(method, { onReport: (report) => report.iteration % 500 === 0 && console.log(progressLine(report)) });
    const ahead = new ValuePolicy({ value: method.value, scheduler: environment.scheduler, lookAhead: true });
    const common = { n: 20_000, exact: exactAnswer(tilt, 1000) };
    const trained = await evaluate(environment, {
      ...common,
      samplers: { here: { controlPolicy: method.controlPolicy } },
    });
    const wrong = await evaluate(environment, {
      ...common,
      samplers: { ahead: { controlPolicy: ahead } },
      ode: false,
    });
    console.log(evaluationTable(trained));
    console.log(evaluationTable(wrong));
    const { here } = trained.samplers;
    const over = wrong.samplers.ahead;
    expect(here!.sde!.exact.total_variation).toBeLessThan(0.05);
    expect(Math.abs(here!.sde!.reward.mean - tilt.expectedReward)).toBeLessThan(0.12);
    expect(here!.sde!.pathEss!).toBeGreaterThan(leastEss);
    expect(over!.sde!.reward.mean).toBeGreaterThan(here!.sde!.reward.mean);
  });
});
