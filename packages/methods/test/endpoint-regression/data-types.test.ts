import {
  type BaseModel,
  constructEnv,
  type DDRecord,
  type DiffusionData,
  type NoConditioning,
  RandomKey,
} from "@diffusiongym/core";
import {
  DiffusionNft,
  type EndpointOptions,
  type Method,
  ModelPolicy,
  PathWeightedTiltMatching,
  ReinforceAdjointMatching,
  RewardWeightedFlowMatching,
  RewardWeightedRegression,
  TiltMatching,
  type TrainablePolicy,
  train,
} from "@diffusiongym/methods";
import { Network, ValueNetwork, valueMlp } from "@diffusiongym/nn";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { clouds, records, sumReward } from "../support/any-data.js";
import { pointModel, pointNetwork } from "../support/policies.js";
import type { Pair } from "../support/record-model.js";

type Adapting<D extends DiffusionData<D>> = Method & { readonly adapted: TrainablePolicy<D, NoConditioning> };
type Make<D extends DiffusionData<D>> = (options: EndpointOptions<D>) => Adapting<D>;

const pools = { basePoolSize: 2048, poolSize: 512, leastEss: 20, ladderEss: 300 };

/** Every method, with the mean that each entry of its samples has for the tilt of N(0, I) by a sum, or the least it must reach. */
function methods<D extends DiffusionData<D>>(): { readonly [name: string]: { make: Make<D>; exact: boolean } } {
  return {
    "path-weighted tilt matching": {
      make: (options) => new PathWeightedTiltMatching({ ...options, ...pools, rounds: 2 }),
      exact: true,
    },
    "reward-weighted regression": {
      make: (options) => new RewardWeightedRegression({ ...options, ...pools }),
      exact: true,
    },
    "tilt matching": { make: (options) => new TiltMatching({ ...options, ...pools, rounds: 2 }), exact: true },
    "reinforce adjoint matching": {
      make: (options) => new ReinforceAdjointMatching({ ...options, baseline: "mean" }),
      exact: true,
    },
    DiffusionNFT: { make: (options) => new DiffusionNft({ ...options, oldDecay: 0.95 }), exact: false },
    "reward-weighted flow matching": {
      make: (options) => new RewardWeightedFlowMatching({ ...options, referencePenalty: 0.3 }),
      exact: false,
    },
  };
}

/** Mean of the entries of the adapted model's samples; lambda for the tilt of N(0, I) by a sum. */
async function adapt<D extends DiffusionData<D>>(
  { model, policy }: { model: BaseModel<D>; policy: TrainablePolicy<D, NoConditioning> },
  make: Make<D>,
  rewardScale: number,
): Promise<number> {
  const environment = constructEnv(model, sumReward<D>(), { steps: 10, rewardScale });
  const method = make({
    environment,
    policy,
    batchSize: 96,
    iterations: 60,
    learningRate: 3e-2,
    noisings: 2,
    averageDecay: 0.9,
  });
  await train(method);
  const { latent } = await environment.withPolicies({ policy: method.adapted }).sample(1024, { seed: 1 });
  return latent.aggregate("mean").reduce((sum, value) => sum + value / 1024, 0);
}

describe("methods on endpoints, on any data type", () => {
  const lambda = 0.1;

  it.each(Object.entries(methods<DDRecord<Pair>>()))("%s: records", async (_, { make, exact }) => {
    const mean = await adapt(records(), make, lambda);
    expect(mean).toBeGreaterThan(0.05);
    expect(exact ? Math.abs(mean - lambda) : 0).toBeLessThan(0.05);
  });

  it.each(Object.entries(methods<ReturnType<ReturnType<typeof clouds>["model"]["forward"]>>()))(
    "%s: samples of different sizes",
    async (_, { make, exact }) => {
      const mean = await adapt(clouds(), make, lambda);
      expect(mean).toBeGreaterThan(0.05);
      expect(exact ? Math.abs(mean - lambda) : 0).toBeLessThan(0.05);
    },
  );

  it("reinforce adjoint matching with path cost and learned baselines: records", async () => {
    const network = (seed: number): ValueNetwork<DDRecord<Pair>> =>
      new ValueNetwork({
        network: Network.initialize(
          valueMlp({ inputs: { place: [2], colour: [3] }, width: 16, depth: 1 }),
          RandomKey.fromSeed(seed),
        ),
      });
    const make: Make<DDRecord<Pair>> = (options) =>
      new ReinforceAdjointMatching({
        ...options,
        iterations: 100,
        pathCost: true,
        rewardBaseline: network(1),
        costBaseline: network(2),
      });
    expect(Math.abs((await adapt(records(), make, 0.3)) - 0.3)).toBeLessThan(0.06);
  });
});

describe("a network as base model", () => {
  it.each(["full copy", "LoRA"])("adapts as a %s, and stays as it was", async (kind) => {
    const network = Network.initialize(pointNetwork(1, { width: 16, depth: 2 }), RandomKey.fromSeed(3));
    network.parameters.data.forEach((value, i) => {
      network.parameters.data[i] = value + 0.05 * Math.sin(i);
    });
    const base = pointModel(network, 1);
    const before = network.parameters.data.slice();
    const environment = constructEnv(base, new LinearReward(), { steps: 8 });
    const policy = kind === "LoRA" ? new ModelPolicy(base.clone({ trainable: "lora" })) : ModelPolicy.copyOf(base);
    const method = new PathWeightedTiltMatching({
      environment,
      policy,
      ...pools,
      // A network that nobody has trained: its flow and its SDE have different laws.
      baseSampler: "sde",
      rounds: 2,
      batchSize: 64,
      iterations: 60,
      learningRate: 3e-2,
      averageDecay: 0.9,
    });
    const mean = async (): Promise<number> => {
      const { rewards } = await environment.withPolicies({ policy: method.adapted }).sample(512, { seed: 1 });
      return rewards.reduce((sum, value) => sum + value / 512, 0);
    };
    const start = await mean();
    await train(method);
    expect((await mean()) - start).toBeGreaterThan(0.3);
    expect(network.parameters.data).toEqual(before);
  });
});
