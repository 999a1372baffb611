import {
  ArgumentError,
  constantNoise,
  customNoise,
  type DDTensor,
  type Environment,
  type EnvironmentOptions,
  type NoiseScheduleSpec,
  NonFiniteError,
  OptimalTransport,
  type RewardResult,
  type Sample,
  ShapeError,
  SingularCoefficientError,
  TimeGridError,
  ValuePolicy,
} from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { batch, type Conditioning, environment, poisoned, rejection } from "../support/refusals.js";

describe("an environment refuses", () => {
  const forward = (f: (x: DDTensor) => DDTensor): Environment<DDTensor, Conditioning> =>
    environment({ steps: 4 }, { model: { forward: f } });

  it.each([Number.NaN, Infinity])("a model that gives %d, naming sample and step", async (value) => {
    let step = 0;
    const error = await rejection(forward((x) => (step++ === 2 ? poisoned(x.length, value) : x)).sample(3));
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error).toMatchObject({ source: "The model's output", sampleIndex: 2, step: 2 });
    expect(error.message).toMatch(new RegExp(`The model's output holds ${value} in sample 2 at step 2`));
  });

  it("a model, a policy or a control of the wrong shape", async () => {
    const wrong = batch(2, [2]);
    const message = /has shape \[2, 2\]; \[2, 3\] is needed/;
    expect((await rejection(forward(() => wrong).sample(2))).message).toMatch(message);
    const policy = environment().withPolicies({ policy: { forward: () => wrong } });
    expect((await rejection(policy.sample(2))).message).toMatch(/The policy's output has shape/);
    const control = environment().withPolicies({ controlPolicy: { control: () => wrong } });
    expect((await rejection(control.sample(2))).message).toMatch(/The control has shape/);
    const object = environment().withPolicies({ controlPolicy: { control: () => ({}) as DDTensor } });
    expect((await rejection(object.sample(2))).message).toMatch(/The control is of type Object, not a batch/);
    const nothing = environment().withPolicies({ controlPolicy: { control: () => undefined as unknown as DDTensor } });
    expect((await rejection(nothing.sample(2))).message).toMatch(/The control is undefined, not a batch/);
  });

  it("a policy or a control that is not finite", async () => {
    const policy = environment().withPolicies({ policy: { forward: (x) => poisoned(x.length, Number.NaN) } });
    expect(await rejection(policy.sample(2))).toMatchObject({ source: "The policy's output", sampleIndex: 1, step: 0 });
    const control = environment().withPolicies({ controlPolicy: { control: (x) => poisoned(x.length, Infinity) } });
    expect(await rejection(control.sample(2))).toMatchObject({ source: "The control", sampleIndex: 1, step: 0 });
  });

  it("a rollout that explodes although every output was finite", async () => {
    const error = await rejection(forward((x) => x.mul(-1e19)).sample(2));
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error.message).toMatch(/at step [123]/);
  });

  const otherMethods: readonly (readonly [name: string, methods: object, message: RegExp])[] = [
    ["sampleP0 with nothing", { sampleP0: () => undefined }, /model's sampleP0 must return \{ x, conditioning \}/],
    ["sampleP0 without conditioning", { sampleP0: () => ({ x: batch(2) }) }, /must return \{ x, conditioning \}/],
    [
      "sampleP0 with too few samples",
      { sampleP0: () => ({ x: batch(1), conditioning: {} }) },
      /The x of the model's sampleP0 holds 1 samples but n is 2/,
    ],
    [
      "sampleP0 with NaN",
      { sampleP0: () => ({ x: poisoned(2, Number.NaN), conditioning: {} }) },
      /The x of the model's sampleP0 holds NaN in sample 1/,
    ],
    ["preprocess with nothing", { preprocess: () => undefined }, /model's preprocess must return/],
    [
      "preprocess with infinity",
      { preprocess: () => ({ x: poisoned(2, Infinity), conditioning: {} }) },
      /The x of the model's preprocess holds Infinity/,
    ],
    ["postprocess with nothing", { postprocess: () => undefined }, /model's postprocess returned is undefined/],
    ["postprocess with too few samples", { postprocess: () => batch(1) }, /postprocess returned holds 1 samples/],
    ["postprocess with NaN", { postprocess: () => poisoned(2, Number.NaN) }, /postprocess returned holds NaN/],
  ];

  it.each(otherMethods)("a model that answers %s", async (_, methods, message) => {
    expect((await rejection(environment({ steps: 4 }, { model: methods }).sample(2))).message).toMatch(message);
  });

  it("a value function without a gradient to give", async () => {
    const value = { value: () => new Float32Array(2), gradient: () => undefined as unknown as DDTensor };
    const controlPolicy = new ValuePolicy<DDTensor, Conditioning>({ value, scheduler: new OptimalTransport() });
    const error = await rejection(environment().withPolicies({ controlPolicy }).sample(2));
    expect(error.message).toMatch(/The value function's gradient is undefined, not a batch/);
  });

  const judged = async (f: () => unknown): Promise<Sample<DDTensor, Conditioning>> => {
    const reward = { evaluate: () => f() as RewardResult };
    return environment({ steps: 2 }, { reward }).sample(3);
  };
  const valids = (...values: number[]): Uint8Array => Uint8Array.from(values);

  it("rewards that are not finite, but for invalid samples", async () => {
    const rewards = Float32Array.of(1, 2, Number.NaN);
    const error = await rejection(judged(() => ({ rewards, valids: valids(1, 1, 1) })));
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error).toMatchObject({ source: "rewards", sampleIndex: 2 });
    expect(error.message).toMatch(/reward of sample 2 is NaN.*valids\[2\] = 0/);
    const allowed = await judged(() => ({ rewards, valids: valids(1, 1, 0) }));
    expect(Array.from(allowed.rewards)).toEqual([1, 2, 0]);
    expect(Array.from(rewards)).toEqual([1, 2, Number.NaN]);
  });

  it("rewards of another number", async () => {
    const error = await rejection(judged(() => ({ rewards: new Float32Array(2), valids: valids(1, 1, 1) })));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toMatch(/2 rewards and 3 valids for 3 samples/);
  });

  it("rewards that are none, and takes plain arrays for what they mean", async () => {
    expect((await rejection(judged(() => undefined))).message).toMatch(/no rewards and no valids for 3 samples/);
    const alone = judged(() => ({ rewards: new Float32Array(3) }));
    expect((await rejection(alone)).message).toMatch(/3 rewards and no valids for 3 samples/);
    const words = judged(() => ({ rewards: ["a", "b", "c"], valids: [1, 1, 1] }));
    expect((await rejection(words)).message).toMatch(/reward of sample 0 is NaN/);
    const { rewards, valids } = await judged(() => ({ rewards: [1, 2, 3], valids: [true, false, true] }));
    expect(rewards).toEqual(Float32Array.of(1, 2, 3));
    expect(valids).toEqual(Uint8Array.of(1, 0, 1));
  });

  it("a grid that explodes, naming the step and a grid that does not", () => {
    const explode = (): unknown => environment({ timeGrid: "reference", steps: 5 });
    expect(explode).toThrowError(TimeGridError);
    expect(explode).toThrowError(/from t_0 = 0.02 by 0.196, multiplies the state by -8.8.*Use the "interior" grid/);
    expect(environment({ timeGrid: "reference", steps: 5, allowExpansiveGrid: true }).steps).toBe(5);
    expect(environment({ timeGrid: "reference", steps: 5, noiseSchedule: constantNoise(0) }).steps).toBe(5);
  });

  it.each([
    [{ steps: 0 }, TimeGridError, /whole number of steps from 1/],
    [{ steps: 2.5 }, TimeGridError, /got 2.5/],
    [{ timeGrid: [0.5, 0.2, 1] }, TimeGridError, /increase strictly/],
    [{ timeGrid: [0.1, 0.9] }, TimeGridError, /last time must be exactly 1/],
    [{ timeGrid: [0, 0.5, 1] }, SingularCoefficientError, /kappa is singular at t = 0/],
    [{ timeGrid: "interiour" as "interior" }, TimeGridError, /did you mean "interior"/],
    [{ rewardScale: Number.NaN }, ArgumentError, /rewardScale must be a finite number, got NaN/],
    [{ noiseSchedule: 0.5 as unknown as NoiseScheduleSpec }, ArgumentError, /constantNoise\(0.5\).*got 0.5/],
    [
      { noiseSchedule: { type: "memorless" } as unknown as NoiseScheduleSpec },
      ArgumentError,
      /did you mean "memoryless"/,
    ],
    [
      { noiseSchedule: { type: "constant", sigma: "1" } as unknown as NoiseScheduleSpec },
      ArgumentError,
      /finite and >= 0/,
    ],
    [{ noiseSchedule: customNoise(() => -1) }, SingularCoefficientError, /must be finite and >= 0/],
  ] as const)("the options %j", (options, type, message) => {
    const build = (): unknown => environment(options as EnvironmentOptions);
    expect(build).toThrowError(type);
    expect(build).toThrowError(message);
  });

  it("states that are no batch", async () => {
    const x = [[1, 2, 3]] as unknown as DDTensor;
    expect(await rejection(environment().drift(x, Float32Array.of(0.5), {}))).toMatchObject({ argument: "x" });
  });

  it("times of another number, or at which a coefficient is singular", async () => {
    const x = batch(2);
    expect((await rejection(environment().drift(x, Float32Array.of(0.5), {}))).message).toMatch(
      /1 times for 2 samples/,
    );
    const error = await rejection(environment().drift(x, Float32Array.of(0.5, 0), {}));
    expect(error).toMatchObject({ name: "SingularCoefficientError", coefficient: "kappa", time: 0 });
    expect(await rejection(environment().drift(x, Float32Array.of(0.5, 1.5), {}))).toMatchObject({ argument: "t" });
  });
});
