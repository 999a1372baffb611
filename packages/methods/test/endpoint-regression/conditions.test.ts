import {
  BaseModel,
  constructEnv,
  DDTensor,
  type Environment,
  type ModelInput,
  OptimalTransport,
  RandomKey,
  type Reward,
  type SampleStreams,
  shared,
  Tensor,
} from "@diffusiongym/core";
import {
  DiffusionNft,
  type Method,
  PathWeightedTiltMatching,
  ReinforceAdjointMatching,
  ResidualPolicy,
  RewardWeightedFlowMatching,
  RewardWeightedRegression,
  TiltMatching,
  type TrainablePolicy,
  train,
} from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { fourierTimeFeatures, GraphBuilder, linear, Network, NetworkModel, zeros } from "@diffusiongym/nn";
import { describe, expect, it } from "vitest";
import { conditionCount, tileConditioning } from "../../src/endpoint-regression/index.js";
import { GaussianModel } from "../support/gaussian-model.js";

/** A prompt, in a way: 0 or 1. */
type Prompt = { readonly label: Float32Array };

/** N(0, 1) whatever the label. */
class Labelled extends BaseModel<DDTensor, Prompt> {
  readonly outputType = "velocity";
  readonly scheduler = new OptimalTransport();
  readonly #points = new GaussianModel();
  sampleP0(
    n: number,
    streams: SampleStreams,
    { label = new Float32Array(n) }: Partial<Prompt>,
  ): ModelInput<DDTensor, Prompt> {
    return { x: DDTensor.randn(n, [1], streams), conditioning: { label } };
  }
  forward(x: DDTensor, t: Float32Array): DDTensor {
    return this.#points.forward(x, t);
  }
}

/** r = x for label 0 and 8 - x for label 1: weights that were compared across labels would see label 1 only. */
const reward: Reward<DDTensor, Prompt> = {
  evaluate: (sample, _, { label }) => ({
    rewards: sample.data.map((x, i) => (label[i] === 1 ? 8 - x : x)),
    valids: new Uint8Array(sample.length).fill(1),
  }),
};

const environmentOf = (): Environment<DDTensor, Prompt> =>
  constructEnv(new Labelled(), reward, { steps: 10, rewardScale: 0.6 });

/** A policy that sees the label, linear in it. */
function policyOf(): ResidualPolicy<DDTensor, Prompt> {
  const base = new Labelled();
  const g = new GraphBuilder("labelled");
  const time = fourierTimeFeatures(g, g.input("t", ["N"]));
  const label = g.input("label", ["N", 1]);
  const features = g.concat([g.input("x", ["N", 1]), time, label, g.mul(time, label)], 1);
  g.output("output", linear(g, features, { name: "line", out: 1, initialization: zeros }));
  const correction = new NetworkModel<DDTensor, Prompt>({
    network: Network.initialize(g.build(), RandomKey.fromSeed(1)),
    outputType: "velocity",
    scheduler: base.scheduler,
    start: (n, streams, conditioning) => base.sampleP0(n, streams, conditioning),
    conditioning: ({ label: given }) => ({ label: new Tensor(Float32Array.from(given), [given.length, 1]) }),
  });
  return new ResidualPolicy({ base, correction });
}

const common = () => ({
  environment: environmentOf(),
  policy: policyOf(),
  batchSize: 128,
  noisings: 2,
  iterations: 100,
  learningRate: 3e-2,
  averageDecay: 0.9,
  solverSteps: 8,
});
const pools = {
  basePoolSize: 4096,
  poolSize: 1024,
  leastEss: 20,
  ladderEss: 400,
  conditioning: { label: Float32Array.of(0, 1) },
};
const groups = {
  groupSize: 64,
  conditioning: { label: Float32Array.from({ length: 128 }, (_, i) => Number(i >= 64)) },
};

type Adapting = Method & { readonly adapted: TrainablePolicy<DDTensor, Prompt> };

/** Mean of x under each label. */
async function means(method: Adapting): Promise<[number, number]> {
  await train(method);
  const n = 1024;
  const sample = await environmentOf()
    .withPolicies({ policy: method.adapted })
    .sample(2 * n, {
      seed: 3,
      conditioning: { label: Float32Array.from({ length: 2 * n }, (_, i) => Number(i >= n)) },
    });
  const mean = (from: number): number =>
    sample.latent.data.subarray(from, from + n).reduce((sum, value) => sum + value / n, 0);
  return [mean(0), mean(n)];
}

describe("conditions are tilted each on its own", () => {
  const exact: { readonly [name: string]: () => Adapting } = {
    "path-weighted tilt matching": () => new PathWeightedTiltMatching({ ...common(), ...pools, rounds: 2 }),
    "path-weighted tilt matching, reward weights": () =>
      new PathWeightedTiltMatching({ ...common(), ...pools, rounds: 2, weights: "reward" }),
    "reward-weighted regression": () => new RewardWeightedRegression({ ...common(), ...pools }),
    "tilt matching": () => new TiltMatching({ ...common(), ...pools, rounds: 2 }),
    "tilt matching, explicit": () => new TiltMatching({ ...common(), ...pools, rounds: 2, form: "explicit" }),
  };
  it.each(Object.entries(exact))("%s: means of +-.6", async (_, make) => {
    const [first, second] = await means(make());
    expect(Math.abs(first - 0.6)).toBeLessThan(0.12);
    expect(Math.abs(second + 0.6)).toBeLessThan(0.12);
  });

  it("reinforce adjoint matching in groups, at a stable scale", async () => {
    const environment = constructEnv(new Labelled(), reward, { steps: 10, rewardScale: 0.25 });
    const [first, second] = await means(
      new ReinforceAdjointMatching({ ...common(), ...groups, environment, baseline: "mean" }),
    );
    expect(Math.abs(first - 0.25)).toBeLessThan(0.1);
    expect(Math.abs(second + 0.25)).toBeLessThan(0.1);
  });

  it.each([
    ["DiffusionNFT", () => new DiffusionNft({ ...common(), ...groups, oldDecay: 0.95 })],
    [
      "reward-weighted flow matching",
      () => new RewardWeightedFlowMatching({ ...common(), ...groups, temperature: 1, standardize: false }),
    ],
  ] as const)("%s in groups: apart", async (_, make) => {
    const [first, second] = await means(make());
    expect(first).toBeGreaterThan(0.15);
    expect(second).toBeLessThan(-0.15);
  });

  it("pools with conditions survive a checkpoint bit by bit", async () => {
    await checkMethod<PathWeightedTiltMatching<DDTensor, Prompt>, DDTensor, Prompt>({
      environment: constructEnv(
        new Labelled(),
        { evaluate: (sample) => ({ rewards: sample.data.slice(), valids: new Uint8Array(sample.length).fill(1) }) },
        { steps: 6, rewardScale: 0.6 },
      ),
      make: ({ environment, iterations }) =>
        new PathWeightedTiltMatching({
          ...common(),
          ...pools,
          environment,
          iterations,
          basePoolSize: 512,
          poolSize: 256,
          rounds: Math.min(2, iterations),
        }),
      adapted: (method) => ({ policy: method.adapted }),
      zeroRewardKl: 0.05,
    });
  });
});

describe("conditions of a pool", () => {
  it("are counted by the first entry with one value a sample, and laid out in turn", () => {
    expect(conditionCount({})).toBe(1);
    expect(conditionCount({ scale: 3, names: shared(["a", "b"]) })).toBe(1);
    expect(conditionCount({ scale: 3, inner: { prompt: ["a", "b", "c"] } })).toBe(3);
    expect(tileConditioning({ prompt: ["a", "b"], scale: 2 }, 6)).toEqual({
      prompt: ["a", "b", "a", "b", "a", "b"],
      scale: 2,
    });
    expect(() => tileConditioning({ prompt: ["a", "b"] }, 5)).toThrow("multiple of 2");
    expect(() => new PathWeightedTiltMatching({ ...common(), ...pools, basePoolSize: 1001 })).toThrow(
      "basePoolSize 1001 is no multiple of the 2 conditions",
    );
  });
});
