import { FlowGRPO, type FlowGRPOOptions, progressLine, train } from "@diffusiongym/methods";
import { type TiltReport, tiltReport } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { pointNetwork, residualPolicy } from "../support/policies.js";
import { s1 } from "../support/problems.js";

/** Trains on S1 at the budget of METHODS 4.3 (3 x 64 SiLU on the exact field, T = 20, B = 512) and samples on the same grid. */
async function adapt(options: Partial<FlowGRPOOptions> = {}): Promise<TiltReport> {
  const { environment, tilt } = await s1(20);
  const policy = residualPolicy(environment.baseModel, { definition: pointNetwork(1) });
  const method = new FlowGRPO({
    environment,
    policy,
    iterations: 400,
    batchSize: 512,
    learningRate: 3e-3,
    ...options,
  });
  await train(method, { onReport: (report) => report.iteration % 50 === 0 && console.log(progressLine(report)) });
  const sample = await environment.withPolicies({ policy: method.adapted }).sample(20_000, { seed: 1 });
  const report = tiltReport(sample.latent.data, tilt);
  console.log(`TV ${report.totalVariation.toFixed(4)}, E r ${report.reward.mean.toFixed(4)}`);
  return report;
}

// METHODS 4.3, row "GRPO KL-to-go a=√2, T=20, B=512", measured by the exact cell masses of 4.4.
describe("Flow-GRPO on S1, lambda = 1, 400 iterations", () => {
  it("reaches the tilt with KL to go", async () => {
    const report = await adapt();
    expect(report.reward.mean).toBeGreaterThan(2.12);
    expect(report.totalVariation).toBeLessThan(0.11);
  });

  it("stalls below it without: the step's KL alone is not the gradient", async () => {
    const report = await adapt({ klToGo: false });
    expect(report.reward.mean).toBeLessThan(2.05);
  });
});
