import { type BaseModel, constructEnv, type DiffusionData, type NoConditioning, RandomKey } from "@diffusiongym/core";
import {
  DDPO,
  FlowGRPO,
  LogVariance,
  type Method,
  ModelPolicy,
  type PolicyMethodOptions,
  Reinforce,
  type TrainablePolicy,
  train,
} from "@diffusiongym/methods";
import { Network } from "@diffusiongym/nn";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { pointModel, pointNetwork } from "../support/policies.js";
import { clouds, records, sumReward } from "./any-data.js";

const makers = {
  "flow-grpo": <D extends DiffusionData<D>>(options: PolicyMethodOptions<D>): Method => new FlowGRPO(options),
  reinforce: <D extends DiffusionData<D>>(options: PolicyMethodOptions<D>): Method => new Reinforce(options),
  "log-variance": <D extends DiffusionData<D>>(options: PolicyMethodOptions<D>): Method =>
    new LogVariance({ ...options, replaySize: 2, updatesPerRollout: 2 }),
} as const;

describe.each(Object.entries(makers))("%s on any data type", (_, make) => {
  /** Mean of the entries of the policy's samples: lambda = .5 for the tilt. */
  async function adapt<D extends DiffusionData<D>>(
    model: BaseModel<D>,
    policy: TrainablePolicy<D, NoConditioning>,
  ): Promise<number> {
    const environment = constructEnv(model, sumReward<D>(), { steps: 8, rewardScale: 0.5 });
    await train(make({ environment, policy, batchSize: 96, iterations: 120, learningRate: 3e-2 }));
    const { latent } = await environment.withPolicies({ policy }).sample(512, { seed: 1 });
    return latent.aggregate("mean").reduce((total, value) => total + value / 512, 0);
  }

  it("records", async () => {
    const { model, policy } = records();
    expect(Math.abs((await adapt(model, policy)) - 0.5)).toBeLessThan(0.1);
  });

  it("samples of different sizes", async () => {
    const { model, policy } = clouds();
    expect(Math.abs((await adapt(model, policy)) - 0.5)).toBeLessThan(0.1);
  });
});

describe("a network as base model", () => {
  it.each([
    ["a full copy", "copy"],
    ["LoRA", "lora"],
  ] as const)("DDPO adapts %s in minibatches, and leaves the base model alone", async (_, kind) => {
    const network = Network.initialize(pointNetwork(1, { width: 16, depth: 2 }), RandomKey.fromSeed(3));
    network.parameters.data.forEach((value, i) => {
      network.parameters.data[i] = value + 0.05 * Math.sin(i);
    });
    const base = pointModel(network, 1);
    const environment = constructEnv(base, new LinearReward(), { steps: 8 });
    const before = network.parameters.data.slice();
    const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value / values.length, 0);
    const unadapted = mean((await environment.sample(256, { seed: 1 })).rewards);
    const policy = kind === "copy" ? ModelPolicy.copyOf(base) : new ModelPolicy(base.clone({ trainable: "lora" }));
    const method = new DDPO({
      environment,
      policy,
      batchSize: 64,
      iterations: 8,
      learningRate: 2e-2,
      innerEpochs: 2,
      minibatches: 2,
      logProbReduction: "mean",
      ratioClip: 0.2,
    });
    await train(method);
    const { rewards } = await environment.withPolicies({ policy: method.adapted }).sample(256, { seed: 1 });
    expect(mean(rewards) - unadapted).toBeGreaterThan(0.3);
    expect(network.parameters.data).toEqual(before);
  });
});
