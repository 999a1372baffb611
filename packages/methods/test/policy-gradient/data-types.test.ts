import {
  type BaseModel,
  constructEnv,
  type DDTensor,
  type DiffusionData,
  type NoConditioning,
  RandomKey,
} from "@diffusiongym/core";
import {
  ancestralKernel,
  DDPO,
  FlowGRPO,
  LogVariance,
  type Method,
  ModelPolicy,
  type PolicyMethodOptions,
  Reinforce,
  ResidualPolicy,
  type TrainablePolicy,
  train,
} from "@diffusiongym/methods";
import { Network, NetworkModel } from "@diffusiongym/nn";
import { LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { ConditionalModel, clouds, records, sumReward } from "../support/any-data.js";
import { GaussianModel } from "../support/gaussian-model.js";
import { pointModel, pointNetwork, residualPolicy } from "../support/policies.js";

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

describe("conditions", () => {
  it("Flow-GRPO compares samples of a condition, in minibatches, and adapts all of them", async () => {
    const base = new ConditionalModel();
    const c = Float32Array.from({ length: 64 }, (_, i) => 3 * Math.floor(i / 16));
    const environment = constructEnv(base, sumReward<DDTensor, { c: Float32Array }>(), { steps: 8, rewardScale: 0.5 });
    const correction = new NetworkModel<DDTensor, { c: Float32Array }>({
      network: Network.initialize(pointNetwork(1, { width: 16, depth: 1 }), RandomKey.fromSeed(2)),
      outputType: "velocity",
      scheduler: base.scheduler,
      start: [1],
      conditioning: () => ({}),
    });
    const method = new FlowGRPO<DDTensor, { c: Float32Array }>({
      environment,
      policy: new ResidualPolicy({ base, correction }),
      batchSize: 64,
      groupSize: 16,
      conditioning: { c },
      minibatches: 2,
      iterations: 80,
      learningRate: 2e-2,
    });
    const last = await train(method);
    // Rewards differ by up to 9 between conditions and by about 1 within one.
    expect(last!.metrics.group_reward_std).toBeLessThan(1.6);
    expect(last!.metrics.reward_std).toBeGreaterThan(3);
    const adapted = environment.withPolicies({ policy: method.adapted });
    const { rewards } = await adapted.sample(64, { seed: 5, conditioning: { c } });
    const before = await environment.sample(64, { seed: 5, conditioning: { c } });
    for (let group = 0; group < 4; group++) {
      const gain = rewards.reduce(
        (sum, reward, i) => sum + (Math.floor(i / 16) === group ? (reward - before.rewards[i]!) / 16 : 0),
        0,
      );
      expect(gain).toBeGreaterThan(0.2);
      expect(gain).toBeLessThan(0.9);
    }
  });
});

describe("the ancestral kernel", () => {
  it.each([
    ["DDPO", (options: PolicyMethodOptions) => new DDPO({ ...options, kernel: ancestralKernel(), maxKlPath: 1e3 })],
    ["Flow-GRPO", (options: PolicyMethodOptions) => new FlowGRPO({ ...options, kernel: ancestralKernel() })],
    ["log-variance", (options: PolicyMethodOptions) => new LogVariance({ ...options, kernel: ancestralKernel() })],
  ] as const)("%s leaves out the last step, which has no noise", async (_, make) => {
    const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
    const environment = constructEnv(model, new LinearReward(), { steps: 8, rewardScale: 0.8 });
    const policy = residualPolicy(model);
    const method = make({ environment, policy, batchSize: 128, iterations: 60, learningRate: 5e-3 });
    await method.validate();
    const last = await train(method);
    expect(Number.isFinite(last!.metrics.loss)).toBe(true);
    expect(last!.metrics.reward!).toBeGreaterThan(0.7);
  });
});
