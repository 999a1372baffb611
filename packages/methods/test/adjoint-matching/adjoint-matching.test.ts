import {
  constantNoise,
  constructEnv,
  type DDTensor,
  type DifferentiableReward,
  type Environment,
  isErrorNamed,
  type NoConditioning,
  RandomKey,
} from "@diffusiongym/core";
import { AdjointMatching, type AdjointMatchingOptions, chooseSteps, ModelPolicy, train } from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { Network } from "@diffusiongym/nn";
import { HalfSpaceReward, LinearReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { pointModel, pointNetwork, residualPolicy } from "../support/policies.js";
import { s1 } from "../support/problems.js";

const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
const problem = (rewardScale = 0.5): Environment => constructEnv(model, new LinearReward(), { steps: 6, rewardScale });

const make = (options: Partial<AdjointMatchingOptions> = {}): AdjointMatching =>
  new AdjointMatching({
    environment: problem(),
    policy: residualPolicy(model),
    batchSize: 32,
    iterations: 4,
    learningRate: 2e-2,
    ...options,
  });

const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

/** Gradients with the wrong sign, as a bug in a reward would give them. */
const flipped = (inner: DifferentiableReward): DifferentiableReward => ({
  evaluate: (...parameters) => inner.evaluate(...parameters),
  async gradient(...parameters) {
    const result = await inner.gradient(...parameters);
    return { ...result, gradient: result.gradient.neg() };
  },
});

describe("adjoint matching", () => {
  it("keeps the promises of every method", async () => {
    await checkMethod({
      environment: problem(),
      make: ({ environment, iterations }) => make({ environment, iterations, averageDecay: 0.9, clipQuantile: 0.99 }),
      adapted: (method) => ({ policy: method.adapted }),
      refused: {
        "memoryless noise": () =>
          make({ environment: constructEnv(model, new LinearReward(), { noiseSchedule: constantNoise(0.5) }) }),
        "a differentiable reward": () =>
          make({ environment: constructEnv(model, new HalfSpaceReward({ threshold: 0 }), { steps: 4 }) }),
      },
    });
  });

  it("refuses a base model without a vjp, and the base model itself as policy", async () => {
    const { environment } = await s1(4);
    Object.assign(environment.baseModel, { vjp: undefined });
    const plain = new AdjointMatching({ environment, policy: residualPolicy(environment.baseModel) });
    expect(await caught(Promise.resolve(plain.validate()))).toMatchObject({
      requirement: "a differentiable base model",
    });
    const network = Network.initialize(pointNetwork(1, { width: 4, depth: 1 }), RandomKey.fromSeed(1));
    const base = pointModel(network, 1);
    const own = make({
      environment: constructEnv(base, new LinearReward(), { steps: 4 }),
      policy: new ModelPolicy(base),
    });
    expect(await caught(own.validate())).toMatchObject({ requirement: "a frozen reference model" });
    const copy = make({
      environment: constructEnv(base, new LinearReward(), { steps: 4 }),
      policy: ModelPolicy.copyOf(base),
    });
    await copy.validate();
    await copy.iterate();
    expect([...base.network.parameters.data]).not.toEqual([...copy.policy.parameters.data]);
  });

  it("refuses a reward whose gradient is 0 everywhere although it differs, and a decoder without a way back", async () => {
    const indicator = new HalfSpaceReward({ threshold: 0 });
    const flat: DifferentiableReward = {
      evaluate: (sample) => indicator.evaluate(sample),
      gradient: (sample) => ({ ...indicator.evaluate(sample), gradient: sample.zerosLike() }),
    };
    const method = make({ environment: constructEnv(model, flat, { steps: 4 }) });
    expect(await caught(train(method))).toMatchObject({ requirement: "a reward with a gradient" });

    const decoding = new (class extends GaussianModel {
      override postprocess(latent: DDTensor): DDTensor {
        return latent.mul(2);
      }
    })();
    const decoded = (base: GaussianModel): AdjointMatching =>
      make({ environment: constructEnv(base, new LinearReward(), { steps: 4 }), policy: residualPolicy(base) });
    expect(await caught(decoded(decoding).validate())).toMatchObject({ requirement: "a differentiable postprocess" });
    const withWayBack = Object.assign(decoding, {
      postprocessVjp: (_latent: DDTensor, _conditioning: NoConditioning, cotangents: DDTensor) => cotangents.mul(2),
    });
    await decoded(withWayBack).validate();
    // The terminal adjoint is -lambda d r(2 x) / d x = -2.
    expect((await decoded(withWayBack).iterate()).adjoint_end).toBeCloseTo(2, 5);
  });

  it("stops by itself when the reward's gradient has the wrong sign", async () => {
    const environment = constructEnv(model, flipped(new LinearReward()), { steps: 6 });
    const error = await caught(
      train(make({ environment, iterations: 300, learningRate: 5e-2, batchSize: 128, policy: residualPolicy(model) })),
    );
    expect(isErrorNamed(error, "TrainingAbortedError")).toBe(true);
    expect(["below-base", "diverging"]).toContain((error as { rule: string }).rule);
  });

  it("names an option that is out of range", () => {
    for (const options of [
      { lossSteps: 0 },
      { clipQuantile: 2 },
      { adjointIndex: "nxt" as "next" },
      { maxGradientNorm: 0 },
      { iterations: 0.5 },
    ]) {
      expect(() => make(options)).toThrow(Object.keys(options)[0]);
    }
  });

  it("says what the adjoints did in each quarter of time", async () => {
    const metrics = await make({ environment: problem(2), batchSize: 64 }).iterate();
    // The terminal cost is -2 x.
    expect(metrics.adjoint_end).toBeCloseTo(2, 5);
    expect(metrics.adjoint_decay).toBeLessThan(0.2);
    expect(metrics.control_norm_q1).toBe(0);
    expect(metrics.target_norm_q3).toBeGreaterThan(0);
    // Adjoints of a Gaussian are alike, so the top 1 % of 64 paths, one path, carries a 64th.
    expect(metrics.adjoint_top1_q4).toBeCloseTo(1 / 64, 3);
  });
});

describe("steps of the loss", () => {
  const stream = RandomKey.fromSeed(1).stream();
  const steps = Array.from({ length: 10 }, (_, k) => k);

  it("takes half from the first 60 % and half from the rest, without repeats, weighted by what they stand for", () => {
    const chosen = chooseSteps(steps, 4, stream);
    expect(chosen).toHaveLength(4);
    expect(new Set(chosen.map(({ step }) => step)).size).toBe(4);
    expect(chosen.filter(({ step }) => step < 6).map(({ weight }) => weight)).toEqual([3, 3]);
    expect(chosen.filter(({ step }) => step >= 6).map(({ weight }) => weight)).toEqual([2, 2]);
  });

  it("takes them all when asked for as many or more", () => {
    expect(chooseSteps(steps, 10, stream).map(({ step }) => step)).toEqual(steps);
    expect(chooseSteps([3], 4, stream)).toEqual([{ step: 3, weight: 1 }]);
    expect(
      chooseSteps(steps, 9, stream)
        .map(({ weight }) => weight)
        .reduce((a, b) => a + b),
    ).toBeCloseTo(10, 10);
  });
});
