import { constantNoise, constructEnv, type Environment } from "@diffusiongym/core";
import { PathWeightedTiltMatching, type PathWeightedTiltMatchingOptions } from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (rewardScale = 0.8): Environment => constructEnv(model, new LinearReward(), { steps: 8, rewardScale });

const make = (options: Partial<PathWeightedTiltMatchingOptions> = {}): PathWeightedTiltMatching =>
  new PathWeightedTiltMatching({
    environment: problem(),
    policy: residualPolicy(model),
    iterations: 40,
    rounds: 2,
    basePoolSize: 512,
    poolSize: 128,
    batchSize: 64,
    noisings: 2,
    learningRate: 2e-2,
    averageDecay: 0.9,
    ladderEss: 50,
    leastEss: 20,
    solverSteps: 6,
    ...options,
  });

describe("path-weighted tilt matching", () => {
  it.each(["path", "reward", "none"] as const)(
    "keeps the promises of every method with %s weights",
    async (weights) => {
      const checks = await checkMethod({
        environment: problem(),
        make: ({ environment, iterations }) =>
          make({ environment, iterations, weights, rounds: Math.min(2, iterations) }),
        adapted: (method) => ({ policy: method.adapted }),
        // Plain flow matching fits the base model's samples again.
        zeroRewardKl: 0.05,
        refused:
          weights === "path"
            ? {
                "memoryless noise": () =>
                  make({ environment: constructEnv(model, new LinearReward(), { noiseSchedule: constantNoise(0.5) }) }),
              }
            : {},
      });
      expect(checks).toBeGreaterThan(14);
    },
  );
});
