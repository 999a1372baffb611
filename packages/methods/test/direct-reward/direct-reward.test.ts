import {
  constantNoise,
  constructEnv,
  DDTensor,
  type Environment,
  isErrorNamed,
  type OutputType,
  outputTypes,
  Trigonometric,
} from "@diffusiongym/core";
import {
  AlignProp,
  ancestralKernel,
  Draft,
  DraftLowVariance,
  type DraftOptions,
  ReFL,
  type ReFLOptions,
  type ResidualPolicy,
  rollOut,
  type TransitionKernel,
  train,
} from "@diffusiongym/methods";
import { checkMethod } from "@diffusiongym/methods/testing";
import { HalfSpaceReward, LinearReward, QuadraticReward } from "@diffusiongym/toy";
import { describe, expect, it } from "vitest";
import { GaussianModel, withoutGradient } from "../support/gaussian-model.js";
import { lineNetwork, residualPolicy } from "../support/policies.js";

const lambda = 0.7;
const n = 16;
const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

function problem(outputType: OutputType = "velocity"): { environment: Environment; policy: ResidualPolicy } {
  const model = new GaussianModel({ mean: 0.4, deviation: 0.6, outputType, scheduler: new Trigonometric() });
  const environment = constructEnv(model, new QuadraticReward({ center: [1] }), { steps: 5, rewardScale: lambda });
  const policy = residualPolicy(model, { definition: lineNetwork() });
  policy.parameters.data.set([0.2, -0.3]);
  return { environment, policy };
}

/** Central differences of a loss with respect to both parameters. */
async function slopes(policy: ResidualPolicy, loss: () => Promise<number>): Promise<number[]> {
  const { data } = policy.parameters;
  const found: number[] = [];
  for (const index of [0, 1]) {
    const start = data[index]!;
    data[index] = start + 1e-2;
    const above = await loss();
    data[index] = start - 1e-2;
    found.push((above - (await loss())) / 2e-2);
    data[index] = start;
  }
  return found;
}

const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

function expectGradient(policy: ResidualPolicy, expected: readonly number[]): void {
  expected.forEach((slope, index) => {
    expect(Math.abs(policy.gradients.data[index]! - slope)).toBeLessThan(5e-3 * Math.max(1, Math.abs(slope)));
  });
}

describe("through all steps with the path KL", () => {
  it.each(outputTypes)("%s: the gradient of the whole control cost at fixed noise", async (outputType) => {
    const { environment, policy } = problem(outputType);
    const cost = async (): Promise<number> => {
      const { rewards, pathCosts } = await environment.withPolicies({ policy }).sample(n, { indexOffset: n });
      return mean(pathCosts) - lambda * mean(rewards);
    };
    const expected = await slopes(policy, cost);
    const value = await cost();
    const method = new Draft({
      environment,
      policy,
      batchSize: n,
      iterations: 1,
      truncation: "all",
      klWeight: 1,
      maxGradientNorm: 1e9,
    });
    await method.validate();
    const metrics = await method.iterate();
    expectGradient(policy, expected);
    expect(Math.abs(metrics.loss! - value)).toBeLessThan(1e-4);
    expect(metrics.truncation).toBe(5);
  });

  it("DDIM has no path KL, and its gradient is the reward's alone", async () => {
    const { environment, policy } = problem();
    const kernel = ancestralKernel({ varsigma: 0 });
    const cost = async (): Promise<number> =>
      -lambda * mean((await rollOut({ environment, policy, n, seed: 0, indexOffset: n, kernel })).rewards);
    const expected = await slopes(policy, cost);
    const options = { environment, policy, batchSize: n, iterations: 1, kernel, maxGradientNorm: 1e9 };
    const metrics = await new Draft({ ...options, truncation: "all" }).iterate();
    expectGradient(policy, expected);
    expect(metrics.kl_path).toBe(0);
  });
});

describe("through the last steps", () => {
  it.each([1, 2, 3])("K = %i: the policy of earlier steps is held constant", async (truncation) => {
    const { environment, policy } = problem();
    const rollout = await rollOut({ environment, policy, n, seed: 0, indexOffset: n, keep: ["noises"] });
    const from = rollout.transitions.length - truncation;
    const cost = async (): Promise<number> => {
      let x = rollout.states[from]!;
      for (let k = from; k < rollout.transitions.length; k++) {
        const transition = rollout.transitions[k]!;
        const output = await policy.forward(x, new Float32Array(n).fill(transition.from), {});
        x = transition.sample(x, output, rollout.noises[k]!);
      }
      return -lambda * mean((await environment.reward.evaluate(x, x, {})).rewards);
    };
    const expected = await slopes(policy, cost);
    await new Draft({ environment, policy, batchSize: n, iterations: 1, truncation, maxGradientNorm: 1e9 }).iterate();
    expectGradient(policy, expected);
  });

  it("AlignProp draws how many, the same ones in every run", async () => {
    const drawn = async (): Promise<number[]> => {
      const { environment, policy } = problem();
      const method = new AlignProp({ environment, policy, batchSize: 4, iterations: 12 });
      const seen: number[] = [];
      await train(method, { onReport: ({ metrics }) => seen.push(metrics.truncation!) });
      return seen;
    };
    const seen = await drawn();
    expect(new Set(seen).size).toBeGreaterThan(2);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...seen)).toBeLessThanOrEqual(5);
    expect(await drawn()).toEqual(seen);
  });

  it("DRaFT-LV has the mean gradient of the last step at the base model, whose steps noising reverses", async () => {
    const gradients = async (make: (seed: number) => Draft): Promise<number[]> => {
      const found: number[] = [];
      for (let seed = 0; seed < 16; seed++) {
        const method = make(seed);
        await method.iterate();
        found.push(method.policy.gradients.data[1]!);
      }
      return found;
    };
    const fresh = (): { environment: Environment; policy: ResidualPolicy } => {
      const { environment } = problem();
      const fine = constructEnv(environment.baseModel, environment.reward, { steps: 20, rewardScale: lambda });
      return { environment: fine, policy: residualPolicy(environment.baseModel, { definition: lineNetwork() }) };
    };
    const spread = (values: number[]): number => mean(values.map((value) => (value - mean(values)) ** 2));
    const options = { batchSize: 32, iterations: 1, maxGradientNorm: 1e9 };
    const plain = await gradients((seed) => new Draft({ ...fresh(), ...options, seed }));
    const low = await gradients((seed) => new DraftLowVariance({ ...fresh(), ...options, seed, noisings: 8 }));
    const error = Math.sqrt((spread(plain) + spread(low)) / 16);
    expect(Math.abs(mean(plain) - mean(low))).toBeLessThan(4 * error);
    expect(mean(low)).not.toBe(0);
  });
});

describe("ReFL", () => {
  it.each(outputTypes)("%s: the gradient of the reward at the predicted endpoint", async (outputType) => {
    for (const margin of [undefined, -0.3]) {
      const { environment, policy } = problem(outputType);
      const options: ReFLOptions = {
        environment,
        policy,
        batchSize: n,
        iterations: 1,
        window: 0.4,
        maxGradientNorm: 1e9,
        ...(margin !== undefined && { margin }),
      };
      const rollout = await rollOut({ environment, policy, n, seed: 0, indexOffset: n });
      const start = policy.parameters.data.slice();
      const metrics = await new ReFL(options).iterate();
      const gradient = policy.gradients.data.slice();
      policy.parameters.data.set(start);
      const step = rollout.transitions.findIndex(({ from }) => from === metrics.stop_time);
      expect(step).toBeGreaterThanOrEqual(3);
      const led = environment.withPolicies({ policy });
      const loss = async (): Promise<number> => {
        const t = new Float32Array(n).fill(rollout.transitions[step]!.from);
        const endpoint = await led.predFinal(rollout.states[step]!, t, {});
        const { rewards } = await environment.reward.evaluate(endpoint, endpoint, {});
        return mean(
          rewards.map((reward) => (margin === undefined ? -lambda * reward : lambda * Math.max(0, margin - reward))),
        );
      };
      expect(Math.abs(metrics.loss! - (await loss()))).toBeLessThan(1e-4);
      const expected = await slopes(policy, loss);
      expected.forEach((slope, index) => {
        expect(Math.abs(gradient[index]! - slope)).toBeLessThan(1e-2 * Math.max(1, Math.abs(slope)));
      });
    }
  });

  it("an anchor adds the loss of pre-training and its gradient", async () => {
    const data = {
      x1: DDTensor.from(
        Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
        [64, 1],
      ),
    };
    const run = async (weight?: number): Promise<{ gradient: number; metrics: Record<string, number> }> => {
      const { environment, policy } = problem();
      const anchor = weight === undefined ? {} : { anchor: { data, weight } };
      const options = { environment, policy, batchSize: n, iterations: 1, maxGradientNorm: 1e9, ...anchor };
      const metrics = await new ReFL(options).iterate();
      return { gradient: policy.gradients.data[0]!, metrics };
    };
    const [none, one, two] = [await run(), await run(1), await run(2)];
    expect(one.gradient - none.gradient).toBeCloseTo((two.gradient - none.gradient) / 2, 3);
    expect(one.metrics.anchor_loss).toBeGreaterThan(0);
    expect(one.metrics.loss).toBeCloseTo(none.metrics.loss! + one.metrics.anchor_loss!, 4);
  });
});

describe("the promises of every method", () => {
  const model = new GaussianModel({ mean: 0.5, deviation: 0.8 });
  const easy = (): Environment => constructEnv(model, new LinearReward(), { steps: 4, rewardScale: 0.5 });
  const flat = (): Environment => constructEnv(model, new HalfSpaceReward({ threshold: 0 }), { steps: 4 });
  const common = { batchSize: 16, learningRate: 2e-2 };
  const kinds: readonly [string, (options: DraftOptions) => Draft | ReFL][] = [
    ["DRaFT-2", (options) => new Draft({ ...options, truncation: 2 })],
    ["DRaFT-LV", (options) => new DraftLowVariance(options)],
    ["AlignProp", (options) => new AlignProp(options)],
    ["ReFL", (options) => new ReFL(options)],
  ];

  it.each(kinds)("%s", async (_, build) => {
    await checkMethod({
      environment: easy(),
      make: ({ environment, iterations }) =>
        build({ ...common, environment, iterations, policy: residualPolicy(environment.baseModel) }),
      adapted: (method) => ({ policy: method.adapted }),
      iterations: 25,
      n: 256,
      refused: {
        "a differentiable reward": () => build({ ...common, environment: flat(), policy: residualPolicy(model) }),
      },
    });
  });

  it("need no memoryless noise, and several steps need a differentiable policy", async () => {
    const steady = constructEnv(model, new LinearReward(), { steps: 4, noiseSchedule: constantNoise(0.5) });
    await new Draft({ environment: steady, policy: residualPolicy(model) }).validate();
    const opaque = withoutGradient(new GaussianModel());
    const environment = constructEnv(opaque, new LinearReward(), { steps: 4 });
    const policy = residualPolicy(opaque);
    await new Draft({ environment, policy }).validate();
    expect(await caught(new Draft({ environment, policy, truncation: 2 }).validate())).toMatchObject({
      requirement: "a differentiable policy",
    });
  });

  it("stop by themselves when they have left the data", async () => {
    const environment = easy();
    const method = new Draft({ ...common, environment, policy: residualPolicy(model), iterations: 500, maxKlPath: 3 });
    const error = await caught(train(method));
    expect(isErrorNamed(error, "TrainingAbortedError")).toBe(true);
    expect(error).toMatchObject({ rule: "kl-path" });
  });

  it("name an option that is out of range", () => {
    const policy = residualPolicy(model);
    const environment = easy();
    const wrong: readonly Partial<DraftOptions>[] = [
      { truncation: 0 },
      { truncation: 9 },
      { klWeight: -1 },
      { noisings: -1 },
      { noisings: 2, truncation: 2 },
      { maxKlPath: 0 },
    ];
    for (const options of wrong) {
      expect(() => new Draft({ environment, policy, ...options })).toThrow(Object.keys(options)[0]);
    }
    for (const options of [{ window: 0 }, { window: 2 }, { margin: Number.NaN }]) {
      expect(() => new ReFL({ environment, policy, ...options })).toThrow(Object.keys(options)[0]);
    }
  });
});

it("a kernel is described by its name", () => {
  const { environment, policy } = problem();
  const kernel: TransitionKernel = ancestralKernel({ varsigma: 0 });
  expect(new Draft({ environment, policy, kernel }).describe()).toMatchObject({ kernel: "ddim", truncation: 1 });
});
