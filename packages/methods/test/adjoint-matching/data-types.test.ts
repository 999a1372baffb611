import {
  type BaseModel,
  constructEnv,
  type DifferentiableReward,
  type DiffusionData,
  type NoConditioning,
  RandomKey,
} from "@diffusiongym/core";
import { AdjointMatching, ModelPolicy, type TrainablePolicy, train } from "@diffusiongym/methods";
import { Network } from "@diffusiongym/nn";
import { GaussianMixture, GaussianMixtureModel, LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { clouds, records, sumReward } from "../support/any-data.js";
import { pointModel, pointNetwork, residualPolicy } from "../support/policies.js";

/** `sumReward` with its gradient. */
const sum = <D extends DiffusionData<D>>(): DifferentiableReward<D> => {
  const reward = sumReward<D>();
  return {
    ...reward,
    gradient: async (sample, latent, conditioning) => ({
      ...(await reward.evaluate(sample, latent, conditioning)),
      gradient: sample.onesLike(),
    }),
  };
};

/** Trains and gives the mean of the entries of the policy's samples, which is lambda for the exact tilt. */
async function adapt<D extends DiffusionData<D>>(
  model: BaseModel<D>,
  policy: TrainablePolicy<D, NoConditioning>,
): Promise<number> {
  const environment = constructEnv(model, sum<D>(), { steps: 10, rewardScale: 0.5 });
  const method = new AdjointMatching({ environment, policy, batchSize: 64, iterations: 120, learningRate: 3e-2 });
  await train(method);
  const { latent } = await environment.withPolicies({ policy: method.adapted }).sample(512, { seed: 1 });
  const means = latent.aggregate("mean");
  return means.reduce((total, value) => total + value / 512, 0);
}

describe("adjoint matching on any data type", () => {
  it("records", async () => {
    const { model, policy } = records();
    expect(Math.abs((await adapt(model, policy)) - 0.5)).toBeLessThan(0.06);
  });

  it("samples of different sizes", async () => {
    const { model, policy } = clouds();
    expect(Math.abs((await adapt(model, policy)) - 0.5)).toBeLessThan(0.06);
  });
});

describe("a network as base model", () => {
  it("adapts as a full copy and as a LoRA copy, and leaves the base model alone", async () => {
    const network = Network.initialize(pointNetwork(1, { width: 16, depth: 2 }), RandomKey.fromSeed(3));
    network.parameters.data.forEach((value, i) => {
      network.parameters.data[i] = value + 0.05 * Math.sin(i);
    });
    const base = pointModel(network, 1);
    const environment = constructEnv(base, new LinearReward(), { steps: 8 });
    const before = network.parameters.data.slice();
    const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value / values.length, 0);
    const unadapted = mean((await environment.sample(256, { seed: 1 })).rewards);
    for (const policy of [ModelPolicy.copyOf(base), new ModelPolicy(base.clone({ trainable: "lora" }))]) {
      const method = new AdjointMatching({ environment, policy, batchSize: 32, iterations: 60, learningRate: 5e-2 });
      await train(method);
      const { rewards } = await environment.withPolicies({ policy: method.adapted }).sample(256, { seed: 1 });
      expect(mean(rewards) - unadapted).toBeGreaterThan(0.3);
    }
    expect(network.parameters.data).toEqual(before);
  });
});

describe("an exact mixture", () => {
  it("has the Jacobian that differences show", async () => {
    const mixture = GaussianMixture.from({
      weights: [0.3, 0.7],
      means: [
        [-1, 0.5],
        [1, 0],
      ],
      standardDeviations: [0.4, 0.7],
    });
    const model = new GaussianMixtureModel({ mixture });
    const { x } = model.sampleP0(5, RandomKey.fromSeed(1).streams());
    const { x: cotangents } = model.sampleP0(5, RandomKey.fromSeed(2).streams());
    const { x: move } = model.sampleP0(5, RandomKey.fromSeed(3).streams());
    const t = Float32Array.of(0.1, 0.3, 0.5, 0.7, 0.9);
    const product = (h: number): Float32Array =>
      model
        .forward(x.linearCombination(1, [[h, move]]), t)
        .mul(cotangents)
        .aggregate("sum");
    const { gradient } = model.vjp({ x, t, conditioning: {}, cotangents });
    const along = gradient.mul(move).aggregate("sum");
    const [above, below] = [product(1e-2), product(-1e-2)];
    along.forEach((slope, i) => {
      expect(Math.abs(slope - (above[i]! - below[i]!) / 2e-2)).toBeLessThan(5e-3 * Math.max(1, Math.abs(slope)));
    });
    expect(residualPolicy(model).isDifferentiable).toBe(true);
  });
});
