import { progressLine, train, ValueMatching } from "@diffusiongym/methods";
import { type TiltReport, tiltReport } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { fourModes, type Problem, s1, valueNetwork } from "../support/problems.js";

/** Trains at the budget of METHODS 4.3 (3 x 64 SiLU, N = 32, B = 256, Adam 3e-3 along a cosine) and samples on the same grid. */
async function adapt({ environment, tilt }: Problem, iterations: number, inDim: number): Promise<TiltReport> {
  const method = new ValueMatching({
    environment,
    value: valueNetwork(inDim),
    iterations,
    batchSize: 256,
    learningRate: 3e-3,
  });
  await train(method, { onReport: (report) => report.iteration % 100 === 0 && console.log(progressLine(report)) });
  const adapted = environment.withPolicies({ controlPolicy: method.controlPolicy });
  const report = tiltReport((await adapted.sample(20_000, { seed: 1 })).latent.data, tilt);
  console.log(
    `TV ${report.totalVariation.toFixed(4)}, E r ${report.reward.mean.toFixed(4)} (exact ${report.exactReward.toFixed(4)})`,
  );
  return report;
}

// METHODS 4.3, rows "VM, CV target, look-ahead", measured by the exact cell masses of 4.4.
describe("value matching, martingale target with look-ahead", () => {
  it("S1, lambda = 1, 1200 iterations", async () => {
    const report = await adapt(await s1(32), 1200, 1);
    expect(report.totalVariation).toBeLessThan(0.04);
    expect(report.reward.mean).toBeGreaterThan(2.2);
    expect(report.reward.mean).toBeLessThan(2.45);
  });

  it("four modes in the plane, lambda = 0.5, 1500 iterations", async () => {
    const report = await adapt(await fourModes(32), 1500, 2);
    expect(report.totalVariation).toBeLessThan(0.03);
    expect(report.reward.mean).toBeGreaterThan(1.48);
    expect(report.reward.mean).toBeLessThan(1.68);
  });
});
