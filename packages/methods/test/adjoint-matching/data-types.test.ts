import {
  BaseModel,
  constructEnv,
  type DDRecord,
  type DifferentiableReward,
  type DiffusionData,
  type ModelInput,
  type NoConditioning,
  OptimalTransport,
  RandomKey,
  type SampleStreams,
  type SchedulerLike,
  Tensor,
} from "@diffusiongym/core";
import {
  AdjointMatching,
  type DifferentiableModel,
  ModelPolicy,
  ResidualPolicy,
  type StateCotangents,
  type TrainablePolicy,
  train,
} from "@diffusiongym/methods";
import { fourierTimeFeatures, GraphBuilder, linear, Network, NetworkModel, zeros } from "@diffusiongym/nn";
import { GaussianMixture, GaussianMixtureModel, LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { PointClouds } from "../../../core/test/support/ragged.js";
import { pointModel, pointNetwork, residualPolicy } from "../support/policies.js";
import { GaussianRecordModel, type Pair } from "../support/record-model.js";

/** N(0, I) over any data type: v = (2 t - 1) / (t^2 + (1 - t)^2) x. */
class NormalModel<D extends DiffusionData<D>> extends BaseModel<D> implements DifferentiableModel<D, NoConditioning> {
  readonly outputType = "velocity";
  readonly scheduler: SchedulerLike = new OptimalTransport();
  constructor(private readonly zerosOf: (n: number) => D) {
    super();
  }
  sampleP0(n: number, streams: SampleStreams): ModelInput<D, NoConditioning> {
    return { x: this.zerosOf(n).randnLike(streams), conditioning: {} };
  }
  forward(x: D, t: Float32Array): D {
    return x.scale(t.map((time) => (2 * time - 1) / (time ** 2 + (1 - time) ** 2)));
  }
  vjp({ x, t, cotangents }: StateCotangents<D, NoConditioning>): { output: D; gradient: D } {
    return { output: this.forward(x, t), gradient: this.forward(cotangents, t) };
  }
}

/** The sum of all entries of a sample: tilting moves every entry by lambda. */
const sum = <D extends DiffusionData<D>>(): DifferentiableReward<D> => {
  const evaluate = (sample: D) => ({
    rewards: sample.aggregate("sum"),
    valids: new Uint8Array(sample.length).fill(1),
  });
  return { evaluate, gradient: (sample: D) => ({ ...evaluate(sample), gradient: sample.onesLike() }) };
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
    const g = new GraphBuilder("record");
    const t = fourierTimeFeatures(g, g.input("t", ["N"]));
    for (const [name, size] of [
      ["place", 2],
      ["colour", 3],
    ] as const) {
      const part = g.concat([g.input(name, ["N", size]), t], 1);
      g.output(`${name}_out`, linear(g, part, { name, out: size, initialization: zeros }));
    }
    const start = new GaussianRecordModel(new OptimalTransport());
    const model = new NormalModel<DDRecord<Pair>>((n) =>
      start.sampleP0(n, RandomKey.fromSeed(0).streams()).x.zerosLike(),
    );
    const correction = new NetworkModel<DDRecord<Pair>>({
      network: Network.initialize(g.build(), RandomKey.fromSeed(1)),
      outputType: "velocity",
      scheduler: model.scheduler,
      start: () => model.sampleP0(1, RandomKey.fromSeed(0).streams()),
    });
    expect(Math.abs((await adapt(model, new ResidualPolicy({ base: model, correction }))) - 0.5)).toBeLessThan(0.06);
  });

  it("samples of different sizes", async () => {
    const model = new NormalModel<PointClouds>((n) =>
      PointClouds.zeros(
        Array.from({ length: n }, (_, i) => 1 + (i % 3)),
        2,
      ),
    );
    const g = new GraphBuilder("points");
    // The time of a point is that of its cloud.
    const t = g.gather(fourierTimeFeatures(g, g.input("t", ["N"])), g.input("cloud", ["R"], "int64"), 0);
    const points = g.concat([g.input("x", ["R", 2]), t], 1);
    g.output("out", linear(g, points, { name: "line", out: 2, initialization: zeros }));
    const correction = new NetworkModel<PointClouds>({
      network: Network.initialize(g.build(), RandomKey.fromSeed(1)),
      outputType: "velocity",
      scheduler: model.scheduler,
      start: () => model.sampleP0(1, RandomKey.fromSeed(0).streams()),
      conditioning: (_, x) => ({ cloud: cloudOf(x) }),
    });
    expect(Math.abs((await adapt(model, new ResidualPolicy({ base: model, correction }))) - 0.5)).toBeLessThan(0.06);
  });
});

/** The index of each point's cloud. */
function cloudOf(clouds: PointClouds): Tensor {
  const indices = clouds.sizes().flatMap((size, i) => Array.from({ length: size }, () => i));
  return new Tensor(Int32Array.from(indices), [indices.length]);
}

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
