import { constructEnv, type Environment } from "@diffusiongym/core";
import {
  DiffusionNft,
  type Method,
  PathWeightedTiltMatching,
  ReinforceAdjointMatching,
  type ResidualPolicy,
  RewardWeightedFlowMatching,
  RewardWeightedRegression,
  TiltMatching,
} from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { residualPolicy } from "../support/policies.js";
import { valueNetwork } from "../support/problems.js";

const model = new GaussianModel();

/** r = x where x > -0.5; the others cannot be judged and carry some number. */
const environmentWith = (meaningless: number, least = -0.5): Environment =>
  constructEnv(
    model,
    {
      evaluate: (sample) => ({
        rewards: sample.data.map((x) => (x > least ? x : meaningless)),
        valids: Uint8Array.from(sample.data, (x) => Number(x > least)),
      }),
    },
    { steps: 8, rewardScale: 0.2 },
  );

const common = (environment: Environment, policy: ResidualPolicy) => ({
  environment,
  policy,
  iterations: 4,
  batchSize: 32,
  noisings: 2,
  solverSteps: 4,
  learningRate: 2e-2,
});
const pools = { basePoolSize: 256, poolSize: 128, leastEss: 5, ladderEss: 20 };

type Make = (environment: Environment, policy: ResidualPolicy) => Method;
const methods: { readonly [name: string]: Make } = {
  "path-weighted tilt matching": (...given) =>
    new PathWeightedTiltMatching({ ...common(...given), ...pools, rounds: 2 }),
  "reward weights": (...given) =>
    new PathWeightedTiltMatching({ ...common(...given), ...pools, rounds: 2, weights: "reward" }),
  "reward-weighted regression": (...given) =>
    new RewardWeightedRegression({ ...common(...given), ...pools, rounds: 2 }),
  "tilt matching": (...given) => new TiltMatching({ ...common(...given), ...pools, rounds: 2 }),
  "explicit tilt matching": (...given) =>
    new TiltMatching({ ...common(...given), ...pools, rounds: 2, form: "explicit" }),
  "reinforce adjoint matching": (...given) =>
    new ReinforceAdjointMatching({
      ...common(...given),
      pathCost: true,
      rewardBaseline: valueNetwork(1, { width: 4, depth: 1 }),
      costBaseline: valueNetwork(1, { width: 4, depth: 1 }),
    }),
  DiffusionNFT: (...given) => new DiffusionNft({ ...common(...given), referencePenalty: 0.1 }),
  "reward-weighted flow matching": (...given) => new RewardWeightedFlowMatching(common(...given)),
};

describe("samples that the reward cannot judge", () => {
  it.each(Object.entries(methods))("%s: whatever number they carry changes nothing", async (_, make) => {
    const train = async (meaningless: number): Promise<number[]> => {
      const policy = residualPolicy(model);
      const method = make(environmentWith(meaningless), policy);
      while (method.iteration < method.iterations) {
        const metrics = await method.iterate();
        expect(metrics.valid_fraction).toBeLessThan(0.95);
        expect(metrics.reward_max).toBeLessThan(10);
      }
      return [...policy.parameters.data];
    };
    expect(await train(1e3)).toEqual(await train(-1e3));
  });

  it("stops methods with pools where none is valid", async () => {
    for (const name of ["path-weighted tilt matching", "reward-weighted regression", "tilt matching"]) {
      const method = methods[name]!(environmentWith(0, 1e9), residualPolicy(model));
      const error = await method.iterate().catch((caught: unknown) => caught);
      expect(["validity", "effective-samples"]).toContain((error as { rule?: string }).rule);
    }
  });
});
