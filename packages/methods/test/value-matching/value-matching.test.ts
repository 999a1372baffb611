import {
  constantNoise,
  constructEnv,
  type DDRecord,
  type DDTensor,
  isErrorNamed,
  type NoConditioning,
  OptimalTransport,
  type OutputType,
  outputTypes,
  RandomKey,
  type Reward,
} from "@diffusiongym/core";
import {
  type Metrics,
  run,
  TrainingAbortedError,
  train,
  ValueMatching,
  type ValueRegression,
} from "@diffusiongym/methods";
import { Network, NetworkModel, Parameters, ValueNetwork, valueMlp } from "@diffusiongym/nn";
import { tiltReport } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { s1, s1Mixture, valueNetwork } from "../support/problems.js";
import { GaussianRecordModel, type Pair } from "../support/record-model.js";

const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe("requirements", () => {
  it("refuses noise that is not memoryless, a policy, and a reward scale of 0, before any rollout", async () => {
    const { environment } = await s1(8);
    const value = valueNetwork(1);
    const { baseModel, reward } = environment;
    const noisy = constructEnv(baseModel, reward, { steps: 8, noiseSchedule: constantNoise(0.5) });
    const indifferent = constructEnv(baseModel, reward, { steps: 8, rewardScale: 0 });
    const led = environment.withPolicies({ policy: baseModel });
    for (const [setup, word] of [
      [noisy, "memoryless noise"],
      [indifferent, "a reward scale"],
      [led, "no policy"],
    ] as const) {
      const error = await caught(train(new ValueMatching({ environment: setup, value, iterations: 1 })));
      expect(isErrorNamed(error, "RequirementError")).toBe(true);
      expect(error).toMatchObject({ method: "value-matching", requirement: word });
    }
  });

  it("refuses an annealing that would first go the other way", async () => {
    const { environment } = await s1(8, -1);
    const annealing = { from: 0.5, iterations: 2 };
    expect(() => new ValueMatching({ environment, value: valueNetwork(1), annealing })).toThrow("different signs");
  });

  it("names an option that is out of range", async () => {
    const { environment } = await s1(8);
    for (const options of [
      { iterations: 0 },
      { batchSize: 1.5 },
      { maxGradientNorm: 0 },
      { regressionBatchSize: -1 },
      { target: "martingal" as "martingale" },
      { weights: "varianc" as "variance" },
    ]) {
      expect(() => new ValueMatching({ environment, value: valueNetwork(1), ...options })).toThrow(
        Object.keys(options)[0],
      );
    }
  });
});

describe("one iteration", () => {
  /** Keeps what it is asked to regress on; its value is `slope * x`, whose gradient is `slope`. */
  class Probe {
    readonly network = {
      parameters: new Parameters([{ name: "w", shape: [1] }]),
      gradients: new Parameters([{ name: "w", shape: [1] }]),
    };
    readonly problems: ValueRegression<DDTensor, NoConditioning>[] = [];
    constructor(private readonly slope: number) {}
    value(x: DDTensor): Float32Array {
      return x.data.map((entry) => this.slope * entry);
    }
    gradient(x: DDTensor): DDTensor {
      return x.onesLike().mul(this.slope);
    }
    async regress(problem: ValueRegression<DDTensor, NoConditioning>): Promise<{ loss: number }> {
      this.problems.push(problem);
      return { loss: 0 };
    }
  }

  it("labels every state with the time of its step and weighs it by dt / (valid lambda^2), invalid ones by 0", async () => {
    const { environment } = await s1(5, 2);
    const reward: Reward = {
      evaluate: (sample) => ({
        rewards: sample.data.slice(),
        valids: Uint8Array.from(sample.data, (x) => (x > 0 ? 1 : 0)),
      }),
    };
    const partly = constructEnv(environment.baseModel, reward, { steps: 5, rewardScale: 2 });
    const probe = new Probe(-0.3);
    const method = new ValueMatching({
      environment: partly,
      value: probe,
      iterations: 1,
      batchSize: 16,
      lookAhead: false,
    });
    const metrics = await method.iterate();
    const [problem] = probe.problems;
    expect(probe.problems).toHaveLength(1);
    expect(problem!.x.length).toBe(5 * 16);
    const valid = Math.round(metrics.valid_fraction! * 16);
    expect(valid).toBeGreaterThan(0);
    expect(valid).toBeLessThan(16);
    const times = partly.timesteps;
    for (let row = 0; row < 80; row++) {
      const k = Math.floor(row / 16);
      expect(problem!.t[row]).toBe(times[k]);
      const weight = (times[k + 1]! - times[k]!) / (valid * 4);
      expect([0, Math.fround(weight)]).toContain(problem!.weights[row]);
    }
    const positive = problem!.weights.filter((weight) => weight > 0).length;
    expect(positive).toBe(5 * valid);
  });

  it("regresses on the cost to go of the rollout: with a constant control the plain target is -lambda r + 1/2 u^2 left", async () => {
    const { environment } = await s1(4);
    const probe = new Probe(-0.3);
    const method = new ValueMatching({
      environment,
      value: probe,
      iterations: 1,
      batchSize: 8,
      target: "plain",
      lookAhead: true,
    });
    await method.iterate();
    const { targets, x } = probe.problems[0]!;
    const { timesteps, scheduler } = environment;
    for (let i = 0; i < 8; i++) {
      const end = x.data[4 * 8 + i]!;
      let cost = -end;
      expect(targets[4 * 8 + i]).toBeCloseTo(cost, 5);
      for (let k = 3; k >= 0; k--) {
        const sigma = scheduler.evaluate((s, t) => s.sigmaMemoryless(t), timesteps[k]!) as number;
        cost += (timesteps[k + 1]! - timesteps[k]!) * 0.5 * (0.3 * sigma) ** 2;
        expect(targets[k * 8 + i]).toBeCloseTo(cost, 5);
      }
    }
  });

  it("gives the same update whether the regression is done at once or in parts", async () => {
    const { environment } = await s1(6);
    const once = valueNetwork(1);
    const parts = valueNetwork(1);
    await train(new ValueMatching({ environment, value: once, iterations: 3, batchSize: 16 }));
    await train(
      new ValueMatching({ environment, value: parts, iterations: 3, batchSize: 16, regressionBatchSize: 40 }),
    );
    const [a, b] = [once.network.parameters.data, parts.network.parameters.data];
    const change = Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
    expect(change).toBeLessThan(1e-4);
    expect(Math.max(...a.map(Math.abs))).toBeGreaterThan(0.01);
  });

  it("raises the reward scale along the annealing", async () => {
    const { environment } = await s1(4, 2);
    const scales: number[] = [];
    const method = new ValueMatching({
      environment,
      value: valueNetwork(1),
      iterations: 6,
      batchSize: 4,
      annealing: { from: 0.5, iterations: 3 },
    });
    await train(method, { onReport: ({ metrics }) => scales.push(metrics.reward_scale!) });
    expect(scales).toEqual([0.5, 1, 1.5, 2, 2, 2]);
  });

  it("is stopped by a reward that is not finite, and changes nothing", async () => {
    const { environment } = await s1(4);
    const reward: Reward = {
      evaluate: (sample) => ({ rewards: sample.data.fill(Number.NaN), valids: new Uint8Array(sample.length).fill(1) }),
    };
    const broken = constructEnv(environment.baseModel, reward, { steps: 4 });
    const value = valueNetwork(1);
    const before = value.network.parameters.clone();
    const method = new ValueMatching({ environment: broken, value, iterations: 2, batchSize: 4 });
    expect(isErrorNamed(await caught(train(method)), "NonFiniteError")).toBe(true);
    expect(method.iteration).toBe(0);
    expect(value.network.parameters.data).toEqual(before.data);
  });
});

describe("training", () => {
  it("reaches the tilt of three modes approximately in a few iterations, and is the same bits each time", async () => {
    const { environment, tilt } = await s1(16);
    const runOnce = async (iterations: number): Promise<ValueMatching> => {
      const method = new ValueMatching({
        environment,
        value: valueNetwork(1),
        iterations: 150,
        batchSize: 256,
        learningRate: 5e-3,
      });
      for await (const report of run(method)) {
        if (report.iteration === iterations) break;
      }
      return method;
    };
    const method = await runOnce(150);
    const sample = await environment.withPolicies({ controlPolicy: method.controlPolicy }).sample(10_000, { seed: 5 });
    const report = tiltReport(sample.latent.data, tilt);
    // Base: reward -0.35, total variation 0.79. Exact: 2.316, 0. Standard errors at this n are 0.01 and 0.005.
    expect(report.reward.mean).toBeGreaterThan(2.05);
    expect(report.reward.mean).toBeLessThan(2.55);
    expect(report.totalVariation).toBeLessThan(0.1);
    const [a, b] = [await runOnce(3), await runOnce(3)];
    expect(a.state().arrays).toEqual(b.state().arrays);
  });

  it.each(outputTypes)("works through a model that returns %s", async (outputType: OutputType) => {
    const { makeGmm } = await import("@diffusiongym/toy");
    const { environment } = await s1(10);
    const model = makeGmm({ ...s1Mixture, outputType });
    const adapted = constructEnv(model, environment.reward, { steps: 10 });
    const method = new ValueMatching({
      environment: adapted,
      value: valueNetwork(1, { width: 32 }),
      iterations: 40,
      batchSize: 128,
      learningRate: 1e-2,
    });
    const last = await train(method);
    expect(last!.metrics.reward).toBeGreaterThan(1);
    expect(last!.metrics.kl_path).toBeGreaterThan(0.3);
  });

  it("works on records: the reward sees one tensor, the control steers both", async () => {
    const model = new GaussianRecordModel(new OptimalTransport());
    const reward: Reward<DDRecord<Pair>> = {
      evaluate: (sample) => ({
        rewards: sample.entries.place.aggregate("sum"),
        valids: new Uint8Array(sample.length).fill(1),
      }),
    };
    const environment = constructEnv(model, reward, { steps: 12, rewardScale: 0.5 });
    const definition = valueMlp({ inputs: { place: [2], colour: [3] }, width: 32, depth: 2 });
    const value = new ValueNetwork<DDRecord<Pair>>({ network: Network.initialize(definition, RandomKey.fromSeed(2)) });
    const method = new ValueMatching({ environment, value, iterations: 80, batchSize: 128, learningRate: 1e-2 });
    await train(method);
    const sample = await environment.withPolicies({ controlPolicy: method.controlPolicy }).sample(4000, { seed: 3 });
    // Standard normal data and r = sum of two coordinates: the tilt has mean lambda in both, so E r = 2 lambda = 1.
    const mean = sample.rewards.reduce((sum, reward_) => sum + reward_, 0) / 4000;
    expect(Math.abs(mean - 1)).toBeLessThan(0.2);
    const colours = sample.latent.entries.colour.aggregate("mean");
    expect(Math.abs(colours.reduce((sum, colour) => sum + colour, 0) / 4000)).toBeLessThan(0.1);
  });

  it("works through a network as base model", async () => {
    const { environment } = await s1(6);
    const { mlp } = await import("@diffusiongym/nn");
    const network = Network.initialize(
      mlp({ inDim: 1, width: 16, depth: 1, condDim: 8, timeDim: 8 }),
      RandomKey.fromSeed(0),
    );
    const model = new NetworkModel({ network, outputType: "velocity", scheduler: new OptimalTransport(), start: [1] });
    const adapted = constructEnv(model, environment.reward, { steps: 6 });
    const before = network.parameters.clone();
    const last = await train(
      new ValueMatching({ environment: adapted, value: valueNetwork(1), iterations: 2, batchSize: 8 }),
    );
    expect(Number.isFinite(last!.metrics.loss)).toBe(true);
    expect(network.parameters.data).toEqual(before.data);
  });

  it("notices a flipped sign by itself", async () => {
    const { environment } = await s1(10);
    const value = valueNetwork(1);
    const flipped = {
      network: value.network,
      value: value.value.bind(value),
      regress: value.regress.bind(value),
      gradient: async (...given: [DDTensor, Float32Array, NoConditioning]) => (await value.gradient(...given)).neg(),
    };
    const method = new ValueMatching({
      environment,
      value: flipped,
      iterations: 400,
      batchSize: 128,
      learningRate: 5e-3,
    });
    const metrics: Metrics[] = [];
    const error = await caught(train(method, { onReport: (report) => metrics.push(report.metrics) }));
    expect(error).toBeInstanceOf(TrainingAbortedError);
    expect(["below-base", "diverging", "state"]).toContain((error as TrainingAbortedError).rule);
    expect(metrics.length).toBeLessThan(120);
  });
});
