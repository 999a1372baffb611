import { constructEnv, DDTensor, isErrorNamed, OptimalTransport, RandomKey } from "@diffusiongym/core";
import {
  MemoryStorage,
  Pretraining,
  type PretrainingOptions,
  run,
  train,
  ValueMatching,
  type ValueMatchingOptions,
} from "@diffusiongym/methods";
import { Adam, mlp, Network, NetworkModel, StochasticGradientDescent } from "@diffusiongym/nn";
import { describe, expect, it } from "vitest";
import { s1, valueNetwork } from "../support/problems.js";

const { environment } = await s1(6);
const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);
const tiny = { width: 8, depth: 1 };

describe("value matching's checkpoint", () => {
  const method = (options: Partial<ValueMatchingOptions> = {}): ValueMatching =>
    new ValueMatching({ environment, value: valueNetwork(1, tiny), iterations: 8, batchSize: 8, ...options });
  const table = [5, 4, 3, 2, 1, 0.5, 0.2, 0.1].map((rate) => rate * 1e-3);

  async function stoppedAfter(five: ValueMatching): Promise<MemoryStorage> {
    const storage = new MemoryStorage();
    for await (const { iteration } of run(five, { storage, checkpointEvery: 3 })) if (iteration === 5) break;
    return storage;
  }

  it("continues with the same bits under a table of learning rates, weights by a function and annealing", async () => {
    const options = {
      learningRate: (step: number) => table[step]!,
      weights: (t: number) => 1 + t,
      annealing: { from: 0.1, iterations: 5 },
    };
    const whole = method(options);
    await train(whole);
    const resumed = method(options);
    await train(resumed, { storage: await stoppedAfter(method(options)) });
    expect(resumed.state()).toEqual(whole.state());
  });

  it("is refused by a run that differs in anything that changes its numbers", async () => {
    const storage = await stoppedAfter(method({ conditioning: { label: 1 } as object }));
    const others: [string, Partial<ValueMatchingOptions>][] = [
      ["conditioning", {}],
      ["learningRate", { learningRate: (step) => (step === 6 ? 2e-3 : 1e-3) }],
      ["weights", { weights: "variance" }],
      ["annealing", { annealing: { from: 0.5, iterations: 2 } }],
      ["network", { value: valueNetwork(1, { ...tiny, activation: "tanh" }) }],
      ["rewardScale", { environment: (await s1(6, 2)).environment }],
      ["environment", { environment: constructEnv(environment.baseModel, { ...environment.reward }, { steps: 6 }) }],
      ["lookAhead", { lookAhead: false }],
      ["seed", { seed: 1 }],
    ];
    for (const [name, options] of others) {
      const error = await caught(train(method(options), { storage }));
      expect(isErrorNamed(error, "CheckpointError"), name).toBe(true);
      expect(String(error)).toContain(`${name} is `);
    }
  });
});

describe("pretraining's checkpoint", () => {
  const x1 = DDTensor.from([0, 1, 2, 3], [4, 1]);
  const method = (options: Partial<PretrainingOptions> = {}): Pretraining => {
    const network = Network.initialize(mlp({ inDim: 1, condDim: 4, timeDim: 4, ...tiny }), RandomKey.fromSeed(0));
    const model = new NetworkModel({ network, outputType: "velocity", scheduler: new OptimalTransport(), start: [1] });
    return new Pretraining({ model, data: { x1 }, iterations: 4, batchSize: 4, ...options });
  };

  it("is refused when data, learning rate or optimizer are others", async () => {
    const storage = new MemoryStorage();
    await train(method(), { storage });
    const others: [string, Partial<PretrainingOptions>][] = [
      ["data", { data: { x1: DDTensor.from([0, 1, 2, 4], [4, 1]) } }],
      ["data", { data: { x1, weights: Float32Array.of(1, 1, 1, 2) } }],
      ["learningRate", { learningRate: 2e-3 }],
      ["optimizer", { optimizer: (parameters) => new Adam(parameters, { learningRate: 1e-3, beta2: 0.99 }) }],
      ["optimizer", { optimizer: (parameters) => new StochasticGradientDescent(parameters, { learningRate: 1e-3 }) }],
    ];
    for (const [name, options] of others) {
      const error = await caught(train(method(options), { storage }));
      expect(isErrorNamed(error, "CheckpointError"), name).toBe(true);
      expect(String(error)).toContain(`${name} is `);
    }
    expect(await train(method(), { storage })).toBeUndefined();
  });

  it("refuses times that are none", () => {
    expect(() => method({ timeRange: [0.5, 0.2] })).toThrow("timeRange");
    expect(() => method({ timeRange: [0, Number.NaN] })).toThrow("timeRange");
  });
});
