import {
  constantNoise,
  type DDTensor,
  Environment,
  type EnvironmentOptions,
  eulerMaruyama,
  makePart,
  type NoConditioning,
  type Reward,
  registerBaseModel,
  Sample,
  type SampleFields,
  type SampleOptions,
  type Solver,
} from "@diffusiongym/core";
import { ConformanceError, checkEnvironment } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import { failuresOf, Model } from "../support/broken.js";
import { GaussianModel } from "../support/gaussian-model.js";

let calls = 0;

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

  it("reports what a part throws, instead of throwing it", async () => {
    const evaluate = (): never => {
      throw new Error("no weights");
    };
    await expect(checkEnvironment(new Environment(new Model(), { evaluate }))).rejects.toThrowError(ConformanceError);
  });
});
