import {
  AbortError,
  ArgumentError,
  type BaseModel,
  constantNoise,
  customNoise,
  DDRecord,
  DDTensor,
  DiffusionGymError,
  Environment,
  type EnvironmentOptions,
  isErrorNamed,
  type NoiseScheduleSpec,
  NonFiniteError,
  OptimalTransport,
  type RecordedField,
  type Reward,
  type RewardResult,
  type SampleOptions,
  ShapeError,
  SingularCoefficientError,
  shared,
  Tensor,
  TimeGridError,
  ZeroReward,
} from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { PointClouds } from "../support/ragged.js";
import { clouds, points } from "../support/subjects.js";

interface Conditioning {
  readonly label?: unknown;
}

type Options = SampleOptions<DDTensor, Conditioning>;

const reward = new ZeroReward<DDTensor, Conditioning>();
const model = (): GaussianModel<DDTensor, Conditioning> =>
  new GaussianModel<DDTensor, Conditioning>({ template: points, scheduler: new OptimalTransport() });
const environment = (options: EnvironmentOptions = { steps: 4 }): Environment<DDTensor, Conditioning> =>
  new Environment<DDTensor, Conditioning>(model(), reward, options);
const batch = (n: number, shape: readonly number[] = [3], value = 0.5): DDTensor =>
  new DDTensor(Tensor.full([n, ...shape], value));
/** Finite but for one entry of one sample. */
function poisoned(n: number, value: number): DDTensor {
  const data = new Float32Array(3 * n);
  data[3 * (n - 1) + 1] = value;
  return new DDTensor(new Tensor(data, [n, 3]));
}

/** What a promise is rejected with. */
async function rejection(promise: Promise<unknown>): Promise<DiffusionGymError> {
  const error = await promise.then(
    (value) => {
      throw new Error(`It resolved, to ${String(value)}.`);
    },
    (caught: unknown) => caught,
  );
  expect(DiffusionGymError.isInstance(error)).toBe(true);
  return error as DiffusionGymError;
}

type Refusal = readonly [
  name: string,
  n: number,
  options: Options,
  error: new (...args: never[]) => DiffusionGymError,
  fields: object,
  message: RegExp,
];

const refusals: readonly Refusal[] = [
  ["a negative n", -1, {}, ArgumentError, { argument: "n", value: -1 }, /n must be a whole number >= 0, got -1/],
  ["a fractional n", 2.5, {}, ArgumentError, { argument: "n", value: 2.5 }, /got 2.5/],
  ["n that is no number", Number.NaN, {}, ArgumentError, { argument: "n" }, /got NaN/],
  ["a negative offset", 2, { indexOffset: -3 }, ArgumentError, { argument: "indexOffset", value: -3 }, /got -3/],
  ["a fractional seed", 2, { seed: 0.5 }, ArgumentError, { argument: "seed", value: 0.5 }, /2\^53 - 1, got 0.5/],
  ["a batch size of 0", 2, { batchSize: 0 }, ArgumentError, { argument: "batchSize", value: 0 }, />= 1, got 0/],
  [
    "an unknown field to record",
    2,
    { record: ["drift" as RecordedField] },
    ArgumentError,
    { argument: "record", value: "drift" },
    /"drift" is not a field; choose from trajectory, drifts/,
  ],
  [
    "a field that is not in an array",
    2,
    { record: "drifts" as unknown as "all" },
    ArgumentError,
    { argument: "record", value: "drifts" },
    /"all" or an array of trajectory, .*got "drifts"/,
  ],
  [
    "x0 of another number of samples",
    3,
    { x0: batch(2) },
    ShapeError,
    { expected: [3], received: [2] },
    /x0 holds 2 samples but n is 3/,
  ],
  [
    "x0 of another sample shape",
    2,
    { x0: batch(2, [4]) },
    ShapeError,
    { expected: [2, 3], received: [2, 4] },
    /x0 has shape \[2, 4\]; \[2, 3\] is needed, the shape of the model's states/,
  ],
  [
    "x0 with an axis too many, which would broadcast",
    2,
    { x0: batch(2, [3, 1]) },
    ShapeError,
    { expected: [2, 3], received: [2, 3, 1] },
    /x0 has shape \[2, 3, 1\]/,
  ],
  [
    "x0 that is a bare array",
    2,
    { x0: new Float32Array(6) as unknown as DDTensor },
    ArgumentError,
    { argument: "x0" },
    /x0 is of type Float32Array, not a batch of data; wrap it .* DDTensor.from/,
  ],
  [
    "x0 of another data type",
    2,
    { x0: new DDRecord({ a: batch(2) }) as unknown as DDTensor },
    ShapeError,
    {},
    /x0 holds the tensors "a"; the model's states hold \(one without a name\)/,
  ],
  [
    "NaN in x0",
    4,
    { x0: poisoned(4, Number.NaN) },
    NonFiniteError,
    { source: "x0", sampleIndex: 3 },
    /x0 holds NaN in sample 3/,
  ],
  ["infinity in x0", 2, { x0: poisoned(2, Infinity) }, NonFiniteError, { sampleIndex: 1 }, /x0 holds Infinity/],
  [
    "noise for too few steps",
    2,
    { noises: [batch(2)] },
    ShapeError,
    { expected: [4], received: [1] },
    /1 batches for 4 steps; give one a step/,
  ],
  [
    "noise of another number of samples",
    2,
    { noises: [batch(2), batch(3), batch(2), batch(2)] },
    ShapeError,
    { expected: [2], received: [3] },
    /noises\[1\] holds 3 samples but n is 2/,
  ],
  [
    "noise of another shape",
    2,
    { noises: [batch(2), batch(2), batch(2, [1]), batch(2)] },
    ShapeError,
    { expected: [2, 3], received: [2, 1] },
    /noises\[2\] has shape \[2, 1\]/,
  ],
  [
    "NaN in the noise",
    2,
    { noises: [batch(2), batch(2), batch(2), poisoned(2, Number.NaN)] },
    NonFiniteError,
    { source: "noises[3]", sampleIndex: 1 },
    /noises\[3\] holds NaN in sample 1/,
  ],
  [
    "conditioning of another length",
    3,
    { conditioning: { label: ["a", "b"] } },
    ShapeError,
    { expected: [3], received: [2] },
    /Conditioning "label" has 2 entries for 3 samples.*shared\(/,
  ],
  [
    "conditioning of another length, nested",
    3,
    { conditioning: { label: { inner: new Float32Array(4) } } },
    ShapeError,
    { expected: [3], received: [4] },
    /"label.inner" has 4 entries/,
  ],
  [
    "conditioning by a tensor without a batch axis",
    3,
    { conditioning: { label: Tensor.from(1) } },
    ShapeError,
    { expected: [3] },
    /"label" has no entries for 3 samples/,
  ],
  [
    "conditioning that cannot be split",
    2,
    { conditioning: { label: new Map() } },
    ArgumentError,
    { argument: "label" },
    /"label" is a Map, which cannot be split per sample/,
  ],
  [
    "conditioning by a function",
    2,
    { conditioning: { label: () => 0 } },
    ArgumentError,
    { argument: "label" },
    /"label" is a function, which cannot travel/,
  ],
];

describe("sample refuses", () => {
  it.each(refusals)("%s", async (_, n, options, type, fields, message) => {
    // In batches too, before anything is computed.
    for (const batchSize of options.batchSize === undefined && n > 1 ? [undefined, 1] : [undefined]) {
      const forwarded: number[] = [];
      const counted = new Environment<DDTensor, Conditioning>(counting(forwarded), reward, { steps: 4 });
      const error = await rejection(counted.sample(n, { ...options, ...(batchSize && { batchSize }) }));
      expect(error).toBeInstanceOf(type);
      if (batchSize === undefined) {
        expect(error).toMatchObject(fields);
        expect(error.message).toMatch(message);
      }
      expect(forwarded).toEqual([]);
    }
  });

  function counting(forwarded: number[]): BaseModel<DDTensor, Conditioning> {
    const counted = model();
    return Object.assign(counted, {
      forward: (x: DDTensor, t: Float32Array) => {
        forwarded.push(t[0]!);
        return GaussianModel.prototype.forward.call(counted, x, t, {}) as DDTensor;
      },
    });
  }

  it("takes clouds of other sizes as x0, but not of other dimensions", async () => {
    const ragged = new Environment(
      new GaussianModel({ template: clouds, scheduler: new OptimalTransport() }),
      new ZeroReward(),
      { steps: 2 },
    );
    const sizes = clouds(2, 3);
    expect((await ragged.sample(2, { x0: sizes })).latent.sizes()).toEqual(sizes.sizes());
    const error = await rejection(ragged.sample(2, { x0: PointClouds.zeros([3, 1], 3) }));
    expect(error.message).toMatch(/x0 has shape \[4, 3\]; \[4, 2\] is needed/);
  });

  it("a value shared by all samples is no mistake", async () => {
    const { conditioning } = await environment().sample(3, { conditioning: { label: shared([1, 2]) } });
    expect(conditioning.label).toMatchObject({ value: [1, 2] });
  });
});

describe("an environment refuses", () => {
  const forward = (f: (x: DDTensor) => DDTensor): Environment<DDTensor, Conditioning> =>
    new Environment<DDTensor, Conditioning>(Object.assign(model(), { forward: f }), reward, { steps: 4 });

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
    const nothing = environment().withPolicies({ controlPolicy: { control: () => ({}) as DDTensor } });
    expect((await rejection(nothing.sample(2))).message).toMatch(/The control is of type Object, not a batch/);
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

  const judged = (f: (n: number) => RewardResult): Promise<unknown> => {
    const judge: Reward<DDTensor, Conditioning> = { evaluate: (sample) => f(sample.length) };
    return new Environment<DDTensor, Conditioning>(model(), judge, { steps: 2 }).sample(3);
  };
  const valids = (...values: number[]): Uint8Array => Uint8Array.from(values);

  it("rewards that are not finite, but for invalid samples", async () => {
    const rewards = Float32Array.of(1, 2, Number.NaN);
    const error = await rejection(judged(() => ({ rewards, valids: valids(1, 1, 1) })));
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error).toMatchObject({ source: "rewards", sampleIndex: 2 });
    expect(error.message).toMatch(/reward of sample 2 is NaN.*valids\[2\] = 0/);
    const allowed = (await judged(() => ({ rewards, valids: valids(1, 1, 0) }))) as { rewards: Float32Array };
    expect(Array.from(allowed.rewards)).toEqual([1, 2, 0]);
    expect(Array.from(rewards)).toEqual([1, 2, Number.NaN]);
  });

  it("rewards of another number", async () => {
    const error = await rejection(judged(() => ({ rewards: new Float32Array(2), valids: valids(1, 1, 1) })));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toMatch(/2 rewards and 3 valids for 3 samples/);
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
    [{ noiseSchedule: customNoise(() => -1) }, SingularCoefficientError, /must be finite and >= 0/],
  ] as const)("the options %j", (options, type, message) => {
    const build = (): unknown => environment(options as EnvironmentOptions);
    expect(build).toThrowError(type);
    expect(build).toThrowError(message);
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

describe("an AbortSignal", () => {
  it("that has fired before the start stops everything", async () => {
    const error = await rejection(environment().sample(2, { signal: AbortSignal.abort("no time") }));
    expect(error).toBeInstanceOf(AbortError);
    expect(error).toMatchObject({ reason: "no time" });
    expect(error.message).toMatch(/Sampling was stopped .*no time/);
  });

  it("that fires in mid-rollout stops before the next step, in whichever batch", async () => {
    for (const last of [1, 2, 5, 7]) {
      const controller = new AbortController();
      const seen: number[] = [];
      const onProgress = ({ completed }: { completed: number }): void => {
        seen.push(completed);
        if (completed === last) controller.abort();
      };
      const options = { signal: controller.signal, onProgress, batchSize: 2 };
      const error = await rejection(environment().sample(4, options));
      expect(isErrorNamed(error, "AbortError")).toBe(true);
      expect(seen.at(-1)).toBe(last);
    }
  });

  it("that fires in the last step still stops before the reward", async () => {
    const controller = new AbortController();
    const judge: Reward<DDTensor, Conditioning> = {
      evaluate: () => {
        throw new Error("the reward was asked");
      },
    };
    const stopped = new Environment<DDTensor, Conditioning>(model(), judge, { steps: 3 });
    const onProgress = ({ completed, total }: { completed: number; total: number }): void => {
      if (completed === total) controller.abort();
    };
    const error = await rejection(stopped.sample(2, { signal: controller.signal, onProgress }));
    expect(error).toBeInstanceOf(AbortError);
  });

  it("of a rollout that is given up leaves nothing behind", async () => {
    const rollout = environment().rollout(2);
    await rollout.next();
    await rollout.return(undefined as never);
    expect((await rollout.next()).done).toBe(true);
  });
});
