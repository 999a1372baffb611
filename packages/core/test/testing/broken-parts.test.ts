import {
  type BaseModel,
  constantNoise,
  DDTensor,
  Environment,
  type EnvironmentOptions,
  eulerMaruyama,
  type ModelInput,
  makePart,
  type NoConditioning,
  OptimalTransport,
  type OutputType,
  type Reward,
  registerBaseModel,
  Sample,
  type SampleFields,
  type SampleOptions,
  type SampleStreams,
  type Solver,
} from "@diffusiongym/core";
import { ConformanceError, checkBaseModel, checkEnvironment, checkReward } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { example, points } from "../support/subjects.js";

async function failuresOf(check: Promise<number>): Promise<readonly string[]> {
  const error = await check.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ConformanceError);
  return (error as ConformanceError).failures.map((failure) => failure.split(" It threw:")[0]!);
}

let calls = 0;

class Model extends GaussianModel<DDTensor> {
  constructor() {
    super({ template: points, scheduler: new OptimalTransport() });
  }
}

/** One number for the whole batch, so that samples influence each other. */
const batchMean = (x: DDTensor): number => x.aggregate("sum").reduce((sum, value) => sum + value, 0);

describe("checkBaseModel", () => {
  const broken: readonly (readonly [check: string, model: () => BaseModel])[] = [
    [
      "outputType must be one of velocity, epsilon, endpoint, score.",
      () => Object.assign(new Model(), { outputType: "flow" as OutputType }),
    ],
    [
      "sampleP0(4, ...) must give 4 samples.",
      () =>
        new (class extends Model {
          override sampleP0(n: number, streams: SampleStreams): ModelInput<DDTensor, NoConditioning> {
            return super.sampleP0(Math.max(n - 1, 0), streams, {});
          }
        })(),
    ],
    [
      "sampleP0 must depend on the streams only.",
      () =>
        new (class extends Model {
          override sampleP0(n: number, streams: SampleStreams): ModelInput<DDTensor, NoConditioning> {
            return super.sampleP0(n, streams.fold(calls++), {});
          }
        })(),
    ],
    [
      "sampleP0 of a split batch must give the same bits: sample i may draw from its own stream only.",
      () =>
        new (class extends Model {
          override sampleP0(n: number, streams: SampleStreams): ModelInput<DDTensor, NoConditioning> {
            return super.sampleP0(n, streams.fold(n), {});
          }
        })(),
    ],
    [
      "sampleP0(0, ...) must give an empty batch.",
      () =>
        new (class extends Model {
          override sampleP0(n: number, streams: SampleStreams): ModelInput<DDTensor, NoConditioning> {
            return super.sampleP0(Math.max(n, 1), streams, {});
          }
        })(),
    ],
    [
      "forward must return the structure of its input.",
      () => forward((x) => new DDTensor(x.tensor.reshape([-1, 1, 3]))),
    ],
    ["forward must return finite numbers at t = 0.5.", () => forward((x) => x.mul(Number.NaN))],
    [
      "forward must not change its input.",
      () =>
        forward((x) => {
          x.data[0]! += 1;
          return x.clone();
        }),
    ],
    ["forward must be deterministic.", () => forward((x) => x.mul(calls++))],
    [
      "forward must treat every sample alone: a slice of the output must be the output of the slice.",
      () => forward((x) => x.add(batchMean(x))),
    ],
    ["forward must take a time of its own for each sample.", () => forward((x, t) => x.mul(t.at(-1)!))],
    [
      "postprocess must keep the number of samples.",
      () =>
        new (class extends Model {
          override postprocess(latent: DDTensor): DDTensor {
            return latent.slice(1);
          }
        })(),
    ],
    [
      "trainLoss must give one finite number >= 0 a sample.",
      () =>
        new (class extends Model {
          override trainLoss(x1: DDTensor): Promise<Float32Array> {
            return Promise.resolve(new Float32Array(x1.length).fill(-1));
          }
        })(),
    ],
  ];

  function forward(f: (x: DDTensor, t: Float32Array) => DDTensor): BaseModel {
    return new (class extends Model {
      override forward(x: DDTensor, t: Float32Array): DDTensor {
        return f(x, t);
      }
    })();
  }

  it("has as many checks as are broken here", async () => {
    expect(await checkBaseModel(new Model())).toBe(broken.length);
  });

  it.each(broken)("%s", async (check, model) => {
    expect(await failuresOf(checkBaseModel(model()))).toContain(check);
  });

  it("reports what a part throws, instead of throwing it", async () => {
    const throwing = (): never => {
      throw new Error("no weights");
    };
    const model = Object.assign(new Model(), { outputType: "flow" as OutputType, forward: throwing });
    await expect(checkBaseModel(model)).rejects.toThrowError(
      /fails 2 checks:\n- outputType must be.*\n- forward must take what preprocess gave. It threw: no weights/,
    );
    await expect(checkReward({ evaluate: throwing }, { sample: points(4) })).rejects.toThrowError(
      /evaluate.*no weights/,
    );
    const environment = new Environment(new Model(), { evaluate: throwing } as Reward);
    await expect(checkEnvironment(environment)).rejects.toThrowError(ConformanceError);
  });
});

describe("checkReward", () => {
  const sample = example(points)(7);
  const right = {
    evaluate: (x: DDTensor) => ({
      rewards: x.aggregate("sum"),
      valids: new Uint8Array(x.length).fill(1),
    }),
    gradient: (x: DDTensor) => ({ ...right.evaluate(x), gradient: x.onesLike() }),
  };
  const rewards = (f: (x: DDTensor, values: Float32Array) => Float32Array): Reward => ({
    evaluate: (x) => ({ ...right.evaluate(x), rewards: f(x, right.evaluate(x).rewards) }),
  });
  const broken: readonly (readonly [check: string, reward: Reward])[] = [
    [
      "rewards must be one finite number a valid sample, valids one 0 or 1 a sample.",
      rewards((_, r) => r.map(() => NaN)),
    ],
    [
      "evaluate must not change the samples.",
      rewards((x, r) => {
        x.data[0]! += 1;
        return r;
      }),
    ],
    ["evaluate must be deterministic.", rewards((_, r) => r.map(() => calls++))],
    [
      "evaluate must judge every sample alone: a slice of the rewards must be the rewards of the slice.",
      rewards((x, r) => r.map((reward) => reward + batchMean(x))),
    ],
    ["evaluate must take a batch of one.", rewards((x, r) => (x.length === 1 ? r.slice(1) : r))],
    [
      "gradient must return the rewards that evaluate returns.",
      {
        ...right,
        gradient: (x: DDTensor) => ({ ...right.gradient(x), rewards: new Float32Array(x.length) }),
      } as Reward,
    ],
    [
      "gradient must agree with central differences of evaluate in a random direction.",
      { ...right, gradient: (x: DDTensor) => ({ ...right.gradient(x), gradient: x.mul(3) }) } as Reward,
    ],
  ];

  it("has as many checks as are broken here, and one of the samples it is given", async () => {
    expect(await checkReward(right, { sample })).toBe(broken.length + 1);
    expect(await failuresOf(checkReward(right, { sample: sample.slice(0, 3) }))).toEqual([
      "give at least 4 samples to check with.",
    ]);
  });

  it.each(broken)("%s", async (check, reward) => {
    expect(await failuresOf(checkReward(reward, { sample: sample.clone() }))).toContain(check);
  });
});

declare module "@diffusiongym/core" {
  interface BaseModelRegistry {
    "broken/model": { data: DDTensor; conditioning: NoConditioning; options: Record<string, never> };
  }
}

registerBaseModel("broken/model", () => new GaussianModel<DDTensor>({ ...new Model().options, mean: calls++ }), {
  description: "another model at every make",
});

describe("checkEnvironment", () => {
  const reward: Reward = {
    evaluate: (x) => ({ rewards: x.aggregate("sum"), valids: new Uint8Array(x.length).fill(1) }),
  };
  const options: EnvironmentOptions = { steps: 4 };

  /** An environment whose `sample` is `change` of the right one. */
  function changed(
    change: (sample: Sample, n: number, given: SampleOptions<DDTensor, NoConditioning>) => Sample | Promise<Sample>,
    prepare: (given: SampleOptions<DDTensor, NoConditioning>) => SampleOptions<DDTensor, NoConditioning> = (given) =>
      given,
  ): Environment {
    return new (class extends Environment {
      override async sample(n: number, given: SampleOptions<DDTensor, NoConditioning> = {}): Promise<Sample> {
        return change(await super.sample(n, prepare(given)), n, given);
      }
    })(new Model(), reward, options);
  }

  /** A sample with other fields. */
  function withFields(sample: Sample, fields: Partial<SampleFields<DDTensor, NoConditioning>>): Sample {
    return new Sample({ ...sample, recorded: recordedOf(sample), ...fields });
  }

  const isFull = (sample: Sample): boolean => sample.length === 5 && sample.has("trajectory");
  const wrongSolver: Solver = {
    name: eulerMaruyama.name,
    step: ({ x, dt, drift }) => x.linearCombination(1, [[2 * dt, drift.drift]]),
  };

  const broken: readonly (readonly [check: string, environment: () => Environment | Promise<Environment>])[] = [
    [
      "the same seed must give the same bits.",
      () =>
        changed(
          (s) => s,
          (given) => ({ ...given, seed: calls++ }),
        ),
    ],
    [
      "another seed must give other samples.",
      () =>
        changed(
          (s) => s,
          (given) => ({ ...given, seed: 0 }),
        ),
    ],
    [
      "batchSize must not change a number.",
      () =>
        changed(
          (s) => s,
          (given) => ({ ...given, seed: given.batchSize ?? 0 }),
        ),
    ],
    [
      "recording must not change a number.",
      () =>
        changed(
          (s) => s,
          (given) => ({ ...given, seed: given.record?.length === 0 ? 9 : 0 }),
        ),
    ],
    [
      "trajectory must run from the start to the latent over steps + 1 states.",
      () =>
        changed((s) =>
          isFull(s) ? withFields(s, { recorded: { ...recordedOf(s), trajectory: s.trajectory.slice(0, -1) } }) : s,
        ),
    ],
    [
      "each state must be the one before plus dt drift plus sigma sqrt(dt) noise.",
      () => new Environment(new Model(), reward, { ...options, solver: wrongSolver }),
    ],
    [
      "diffusion(t) must give the sigma that the rollout used.",
      () =>
        new (class extends Environment {
          override diffusion(t: Float32Array): Float64Array {
            return new Float64Array(t.length).fill(7);
          }
        })(new Model(), reward, options),
    ],
    [
      "costs must end in minus rewardScale times the reward.",
      () => changed((s) => (isFull(s) ? withFields(s, { rewardScale: 2 }) : s)),
    ],
    [
      "at(i) and slice must agree with the whole.",
      () => changed((s) => (isFull(s) ? Object.assign(s, { at: () => s.slice(0, 1) }) : s)),
    ],
    [
      "concat of slices must be the whole.",
      () =>
        changed((s) =>
          isFull(s) ? Object.assign(s, { slice: (from = 0) => withFields(s, {}).slice(Math.min(from, 1)) }) : s,
        ),
    ],
    [
      "an environment without policies must cost nothing.",
      () => changed((s) => (isFull(s) ? withFields(s, { pathCosts: new Float32Array(5).fill(1) }) : s)),
    ],
    ["sample(1) must work.", () => changed((s, n) => (n === 1 ? s.slice(0, 0) : s))],
    [
      "sample(0) must give an empty, well-formed result.",
      () => changed((s, n) => (n === 0 ? Promise.reject(new Error("nothing to sample")) : s)),
    ],
    [
      "a signal that has fired must give an AbortError.",
      () =>
        changed(
          (s) => s,
          ({ signal: _, ...given }) => given,
        ),
    ],
    [
      "make(environment.spec), through JSON, must build an environment that gives the same bits.",
      async () =>
        new Environment(await makePart.baseModel("broken/model"), await makePart.reward("any/zero"), {
          ...options,
          noiseSchedule: constantNoise(0.5),
        }),
    ],
  ];

  function recordedOf(sample: Sample): SampleFields<DDTensor, NoConditioning>["recorded"] {
    const { trajectory, drifts, diffusions, noises, runningCosts } = sample;
    return { trajectory, drifts, diffusions, noises, runningCosts };
  }

  it("has as many checks as are broken here, the last one for environments of the registry", async () => {
    expect(await checkEnvironment(new Environment(new Model(), reward, options))).toBe(broken.length - 1);
  });

  it.each(broken)("%s", async (check, environment) => {
    expect(await failuresOf(checkEnvironment(await environment()))).toContain(check);
  });
});
