import { PathWeightedTiltMatching, RewardWeightedRegression } from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import { h16, projection } from "../endpoint-regression/h16.js";
import { judgePolicy, trainAloud } from "../endpoint-regression/judge.js";
import { pointNetwork, residualPolicy } from "../support/policies.js";

const policyFor = ({ environment }: ReturnType<typeof h16>) =>
  residualPolicy(environment.baseModel, { definition: pointNetwork(16), dimension: 16 });

// METHODS 4.5: 106 496 reward calls either way.
describe("H16", () => {
  it("path-weighted tilt matching in 6 rounds has the masses, the mean and the width", async () => {
    const problem = h16(64);
    const method = new PathWeightedTiltMatching({
      environment: problem.environment,
      policy: policyFor(problem),
      rounds: 6,
      roundIterations: 500,
      iterations: 5000,
    });
    console.log(await trainAloud(method), method.advice);
    const { sde, pathEss } = await judgePolicy(problem, method.adapted, { densities: false });
    const samples = await problem.environment.withPolicies({ policy: method.adapted }).sample(20_000, { seed: 9 });
    const { mean, std } = projection(samples.latent.data);
    console.log({ mean, std });
    expect(sde.reward).toBeGreaterThan(8.55);
    expect(sde.reward).toBeLessThan(8.7);
    expect(sde.totalVariation).toBeLessThan(0.015);
    expect(std).toBeGreaterThan(0.335);
    expect(std).toBeLessThan(0.365);
    expect(pathEss).toBeGreaterThan(0.9);
  });

  // METHODS has path ESS < .05 and projection std < .31 here. These are numbers of one pool, not of the method: of 20 exact pools of this
  // size, weighted by exp(lambda r) without any fit, the effective samples are 55 to 576, E r is 7.8 to 9.4 and the projection's std .284 to
  // .371 (median .315; 6 of 20 below .31). METHODS' pool had E r 7.7 and std .28; the one of this seed has 28 effective samples and 9.3,
  // and its fit ends at path ESS .054, TV .072, E r 9.05 and std .384. What holds for any pool is that the fit is not the tilt.
  it("one round does not: documents the failure", async () => {
    const problem = h16(64);
    const method = new RewardWeightedRegression({
      environment: problem.environment,
      policy: policyFor(problem),
      basePoolSize: 106_496,
      // Which it would refuse to fit.
      leastEss: 1,
    });
    const { ess_fraction } = await trainAloud(method);
    const { sde, pathEss } = await judgePolicy(problem, method.adapted, { densities: false });
    const samples = await problem.environment.withPolicies({ policy: method.adapted }).sample(20_000, { seed: 9 });
    expect(ess_fraction! * 106_496).toBeLessThan(600);
    expect(sde.totalVariation).toBeGreaterThan(0.015);
    // METHODS' own numbers, which this seed's pool misses (.054 and .384): the row is not met, and stays as it is stated.
    expect(pathEss).toBeLessThan(0.05);
    expect(projection(samples.latent.data).std).toBeLessThan(0.31);
  });
});
