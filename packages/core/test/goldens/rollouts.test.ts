import { describe, expect, it } from "vitest";
import { expectAllClose, type Tolerance } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import {
  ArgumentError,
  DDTensor,
  Environment,
  type OutputType,
  Sample,
  ShapeError,
  TimeGridError,
  ZeroReward,
} from "../../src/index.js";
import {
  batch,
  buildNoise,
  buildScheduler,
  floats,
  type GoldenArray,
  type GoldenArrays,
  type GoldenNoise,
  type GoldenScheduler,
  numbers,
  perSample,
} from "../support/golden.js";
import {
  asNumbers,
  expectedStep,
  type ReferenceConditioning,
  ReferenceModel,
  ReferenceNetworks,
  referenceControl,
  referencePolicy,
  referenceReward,
} from "../support/reference-model.js";

interface GoldenSample {
  readonly sample: GoldenArray;
  readonly latent: GoldenArray;
  readonly trajectory: GoldenArray;
  readonly timesteps: GoldenArray;
  readonly drifts: GoldenArray;
  readonly diffusions: GoldenArray;
  readonly noises: GoldenArray;
  readonly running_costs: GoldenArray;
  readonly rewards: GoldenArray;
  readonly valids: GoldenArray;
  readonly cost_functionals: GoldenArray;
  readonly num_steps: number;
  readonly len: number;
  readonly kwargs: GoldenKwargs;
}

interface GoldenKwargs {
  readonly shift?: GoldenArray;
  readonly doubled?: GoldenArray;
  readonly tag?: readonly string[];
  readonly strength?: number | GoldenArray;
  readonly nested?: { readonly label: GoldenArray };
}

interface GoldenRollout {
  readonly group: "sample" | "kwargs" | "batch_sample";
  readonly name: string;
  readonly output_type: OutputType;
  readonly scheduler: GoldenScheduler;
  readonly noise_schedule: GoldenNoise;
  readonly policy_set: boolean;
  readonly control_policy_set: boolean;
  readonly reward_scale: number;
  readonly discretization_steps: number;
  readonly n: number;
  readonly batch_size?: number;
  readonly x0: GoldenArray;
  readonly noise: GoldenArray;
  readonly kwargs?: GoldenKwargs;
  readonly expected: { readonly f32: GoldenSample; readonly f64: GoldenSample };
  readonly index_expected?: { readonly [index: string]: GoldenSample | { readonly error: object } };
  readonly concat_of_indices_3_0?: GoldenSample;
}

interface OtherCase {
  readonly group: "errors" | "one_dim_rewards";
  readonly name: string;
  readonly x: GoldenArray;
  readonly expected: { readonly f32: { readonly rewards: GoldenArray; readonly valids: GoldenArray } };
}

const golden = await loadFixture<{
  readonly params: GoldenArrays;
  readonly alpha_bars: GoldenArrays;
  readonly cases: readonly (GoldenRollout | OtherCase)[];
}>("packages/core/test/fixtures/reference-rollouts.json.gz");

const networks = new ReferenceNetworks(golden.params);
const isRollout = (one: GoldenRollout | OtherCase): one is GoldenRollout =>
  one.group !== "errors" && one.group !== "one_dim_rewards";
const rollouts = golden.cases.filter(isRollout);
/** The file's tolerance for a float32 implementation. */
const single: Tolerance = { relative: 1e-4, absolute: 1e-4 };

type Rollout = Sample<DDTensor, ReferenceConditioning>;

function environmentOf(one: GoldenRollout): Environment<DDTensor, ReferenceConditioning> {
  const scheduler = buildScheduler(one.scheduler, golden.alpha_bars);
  const model = new ReferenceModel(networks, one.output_type, scheduler, hasConditioning(one));
  const environment = new Environment(model, referenceReward, {
    steps: one.discretization_steps,
    timeGrid: "reference",
    allowExpansiveGrid: true,
    noiseSchedule: buildNoise(one.noise_schedule),
    rewardScale: one.reward_scale,
  });
  return environment.withPolicies({
    ...(one.policy_set && { policy: referencePolicy(networks) }),
    ...(one.control_policy_set && { controlPolicy: referenceControl(networks) }),
  });
}

/** The rollouts whose reference values hold the entries that its model adds. */
function hasConditioning(one: GoldenRollout): boolean {
  return one.expected.f64.kwargs.shift !== undefined;
}

function conditioningOf(kwargs: GoldenKwargs): Partial<ReferenceConditioning> {
  const { shift, doubled, tag, strength, nested } = kwargs;
  return {
    ...(shift && { shift: floats(shift) }),
    ...(doubled && { doubled: floats(doubled) }),
    ...(tag && { tag }),
    // The reference turns a number into an array when it joins batches; DECISIONS 11 keeps a constant a constant.
    ...(strength !== undefined && { strength: typeof strength === "number" ? strength : numbers(strength)[0]! }),
    ...(nested && { nested: { label: Int32Array.from(numbers(nested.label)) } }),
  };
}

/** Row k of an array of steps. */
function step({ shape, data }: GoldenArray, k: number): GoldenArray {
  const stride = data.length / shape[0]!;
  return { shape: shape.slice(1), data: data.slice(k * stride, (k + 1) * stride) };
}

function sampleOf(one: GoldenRollout): Promise<Rollout> {
  return environmentOf(one).sample(one.n, {
    x0: batch(one.x0),
    noises: Array.from({ length: one.discretization_steps }, (_, k) => batch(step(one.noise, k))),
    record: "all",
    ...(one.kwargs && { conditioning: conditioningOf(one.kwargs) }),
    ...(one.batch_size && { batchSize: one.batch_size }),
  });
}

/** Whether DECISIONS 1 (a control under noise that is not memoryless) makes another trajectory of it. */
function hasOtherDrift(one: GoldenRollout): boolean {
  return one.noise_schedule.type !== "memoryless" && one.control_policy_set;
}

/** Whether DECISIONS 2 (Girsanov's cost for the sigma in use) gives other running costs. */
function hasOtherCosts(one: GoldenRollout): boolean {
  return one.noise_schedule.type !== "memoryless" && (one.control_policy_set || one.policy_set);
}

/** DECISIONS 3: running costs weighted by dt and summed backwards from minus scale times reward. */
function costFunctional(one: GoldenRollout, sample: Rollout, running: readonly number[]): number[] {
  const { timesteps } = sample;
  const costs = Array.from(sample.rewards, (reward) => -one.reward_scale * reward);
  const rows = [costs];
  for (let k = sample.steps - 1; k >= 0; k--) {
    rows.unshift(
      rows[0]!.map((cost, i) => cost + (timesteps[k + 1]! - timesteps[k]!) * running[k * sample.length + i]!),
    );
  }
  return rows.flat();
}

function compareWithReference(one: GoldenRollout, sample: Rollout, expected: GoldenSample): void {
  expect(sample).toHaveLength(expected.len);
  expect(sample.steps).toBe(expected.num_steps);
  expectAllClose(sample.timesteps, numbers(expected.timesteps), { relative: 1e-6 });
  sample.noises.forEach((noise, k) => {
    expect(Array.from(noise.data)).toEqual(numbers(step(expected.noises, k)));
  });
  sample.diffusions.forEach((sigma, k) => {
    expectAllClose(asNumbers(sigma, sample.length), perSample(step(expected.diffusions, k)), single);
  });
  if (!hasOtherCosts(one)) {
    expectAllClose(sample.runningCosts.data, numbers(expected.running_costs), single);
  }
  if (hasOtherDrift(one)) {
    return;
  }
  sample.trajectory.forEach((x, k) => {
    expectAllClose(x.data, numbers(step(expected.trajectory, k)), single);
  });
  sample.drifts.forEach((drift, k) => {
    expectAllClose(drift.data, numbers(step(expected.drifts, k)), single);
  });
  expectAllClose(sample.sample.data, numbers(expected.sample), single);
  expectAllClose(sample.latent.data, numbers(expected.latent), single);
  expectAllClose(sample.rewards, numbers(expected.rewards), single);
  expect(Array.from(sample.valids)).toEqual(numbers(expected.valids));
}

/** The same rollout by the formulas of METHODS 0.2 and 0.3 in double precision. */
function compareWithFormulas(one: GoldenRollout, sample: Rollout): void {
  const setup = {
    networks,
    outputType: one.output_type,
    scheduler: buildScheduler(one.scheduler, golden.alpha_bars),
    sigma: one.noise_schedule.type === "memoryless" ? ("memoryless" as const) : one.noise_schedule.sigma,
    policy: one.policy_set,
    control: one.control_policy_set,
  };
  const times = Array.from(sample.timesteps);
  const noise = numbers(one.noise);
  for (let i = 0; i < one.n; i++) {
    let x = numbers(one.x0).slice(2 * i, 2 * i + 2);
    for (let k = 0; k < sample.steps; k++) {
      const dt = times[k + 1]! - times[k]!;
      const { drift, runningCost, sigma } = expectedStep(setup, x, times[k]!);
      expectAllClose(sample.trajectory[k]!.at(i).data, x, single);
      expectAllClose(sample.drifts[k]!.at(i).data, drift, single);
      expectAllClose([sample.runningCosts.data[k * one.n + i]!], [runningCost], single);
      x = x.map((value, j) => value + dt * drift[j]! + Math.sqrt(dt) * sigma * noise[(k * one.n + i) * 2 + j]!);
    }
    expectAllClose(sample.latent.at(i).data, x, single);
  }
}

describe("reference/rollouts.json", () => {
  it("has 33 rollouts, of which these differ on purpose", () => {
    expect(golden.cases).toHaveLength(45);
    expect(rollouts).toHaveLength(33);
    expect(rollouts.filter(hasOtherDrift)).toHaveLength(6);
    expect(rollouts.filter(hasOtherCosts)).toHaveLength(6);
  });

  it.each(rollouts)("$group: $name", async (one) => {
    const sample = await sampleOf(one);
    const { f32, f64 } = one.expected;
    expect(Array.from(sample.timesteps)).toEqual(numbers(f32.timesteps));
    compareWithReference(one, sample, f64);
    if (one.scheduler.type !== "cosine") {
      compareWithReference(one, sample, f32);
    }
    if (!hasConditioning(one)) {
      compareWithFormulas(one, sample);
    }
    expect(sample.conditioning).toEqual(conditioningOf(f64.kwargs));
    expectAllClose(sample.costs.data, costFunctional(one, sample, Array.from(sample.runningCosts.data)), {
      relative: 1e-6,
      absolute: 1e-6,
    });
    if (!hasOtherCosts(one) && !hasOtherDrift(one)) {
      // DECISIONS 3: the reference's functional is the same sum with 1 / steps in place of dt.
      const { steps, length } = sample;
      const asReference = Array.from({ length: steps + 1 }, (_, k) =>
        Array.from({ length }, (_, i) => {
          let sum = -one.reward_scale * sample.rewards[i]!;
          for (let j = k; j < steps; j++) {
            sum += sample.runningCosts.data[j * length + i]! / steps;
          }
          return sum;
        }),
      ).flat();
      expectAllClose(asReference, numbers(f64.cost_functionals), single);
    }
    expectAllClose(
      sample.pathCosts,
      Array.from(sample.costs.data.subarray(0, one.n), (cost, i) => cost + one.reward_scale * sample.rewards[i]!),
      { relative: 1e-5, absolute: 1e-5 },
    );
  });

  it("starts from the model's own conditioning and does not change what the caller gave", async () => {
    const one = rollouts.find(({ group, kwargs }) => group === "kwargs" && kwargs?.shift)!;
    const conditioning = conditioningOf(one.kwargs!);
    const copy = structuredClone(conditioning);
    const x0 = batch(one.x0);
    await environmentOf(one).sample(one.n, { x0, conditioning });
    expect(conditioning).toEqual(copy);
    expect(Array.from(x0.data)).toEqual(numbers(one.x0));
  });
});

describe("reference/rollouts.json, at, slice and concat of a Sample", () => {
  const batched = rollouts.filter(({ group }) => group === "batch_sample");

  it.each(batched)("$name", async (one) => {
    const sample = await sampleOf(one);
    for (const [index, expected] of Object.entries(one.index_expected!)) {
      if (index === "slice(0,2)") {
        // DECISIONS 10: slices work.
        const part = sample.slice(0, 2);
        expect(Array.from(part.latent.data)).toEqual(Array.from(sample.latent.data.subarray(0, 4)));
        expect(part.costs.shape).toEqual([sample.steps + 1, 2]);
      } else if (index === "-1") {
        // DECISIONS 10: negative indices work.
        compareWithReference(one, sample.at(-1), one.index_expected!["4"] as GoldenSample);
      } else if ("error" in expected) {
        expect(() => sample.at(Number(index))).toThrowError(ArgumentError);
      } else {
        const single = sample.at(Number(index));
        compareWithReference(one, single, expected);
        expect(single.conditioning).toEqual(conditioningOf(expected.kwargs));
      }
    }
    const joined = Sample.concat([sample.at(3), sample.at(0)]);
    compareWithReference(one, joined, one.concat_of_indices_3_0!);
    expect(joined.conditioning).toEqual(conditioningOf(one.concat_of_indices_3_0!.kwargs));
  });
});

describe("reference/rollouts.json, errors", () => {
  const template = rollouts.find(({ group }) => group === "sample")!;
  const environment = environmentOf(template);
  const x0 = (n: number): DDTensor => DDTensor.from(new Float32Array(2 * n).fill(0.5), [n, 2]);
  /** What becomes of each of the file's errors. */
  const outcomes: { readonly [name: string]: () => Promise<void> } = {
    // DECISIONS 12.
    "batch_sample(4,2,x0=DDTensor): x0 goes through index_dict, which rejects it": async () => {
      expect(await environment.sample(4, { batchSize: 2, x0: x0(4) })).toHaveLength(4);
    },
    // DECISIONS 10.
    "batch_sample(0,2)": async () => {
      const empty = await environment.sample(0, { batchSize: 2, record: "all" });
      expect(empty).toHaveLength(0);
      expect(empty.costs.shape).toEqual([environment.steps + 1, 0]);
    },
    "sample(3, x0 of batch 1): broadcast during the rollout, then the length assertion": async () => {
      await expect(environment.sample(3, { x0: x0(1) })).rejects.toThrowError(ShapeError);
    },
    "sample(2, x0 of batch 3)": async () => {
      await expect(environment.sample(2, { x0: x0(3) })).rejects.toThrowError(ShapeError);
    },
    "discretization_steps=0": async () => {
      expect(() => environmentOf({ ...template, discretization_steps: 0 })).toThrowError(TimeGridError);
    },
    // DECISIONS 11: a constant is any value that is not split.
    "kwargs with a None leaf: fails at the END of sampling in dict_to_device": async () => {
      const conditioning = { strength: null } as unknown as ReferenceConditioning;
      expect(await environment.sample(2, { conditioning })).toHaveLength(2);
    },
    // DECISIONS 11: an array with one entry a sample.
    "kwargs with a tuple leaf: index_dict takes tuples, dict_to_device does not": async () => {
      expect(await environment.sample(2, { conditioning: { tag: ["a", "b"] } })).toHaveLength(2);
    },
    // DECISIONS 10.
    "GaussianReward with n=1: .squeeze() gives a 0-d reward": async () => {
      expect((await environment.sample(1)).rewards).toHaveLength(1);
    },
    "GaussianReward with n=2": async () => {
      expect((await environment.sample(2)).rewards).toHaveLength(2);
    },
  };
  const errors = golden.cases.filter(({ group }) => group === "errors");

  it("knows every one of them", () => {
    expect(errors.map(({ name }) => name).sort()).toEqual(Object.keys(outcomes).sort());
  });

  it.each(errors)("$name", ({ name }) => outcomes[name]!());
});

describe("reference/rollouts.json, one_dim_rewards", () => {
  it("DummyReward: 0 (1d/binary and 1d/gaussian are toy/binary and toy/gaussian, tested in packages/toy)", () => {
    const cases = golden.cases.filter((one): one is OtherCase => one.group === "one_dim_rewards");
    expect(cases).toHaveLength(3);
    const { x, expected } = cases.find(({ name }) => name === "DummyReward: 0")!;
    const { rewards, valids } = new ZeroReward<DDTensor, object>().evaluate(batch(x));
    expect(Array.from(rewards)).toEqual(numbers(expected.f32.rewards));
    expect(Array.from(valids)).toEqual(numbers(expected.f32.valids));
  });
});
