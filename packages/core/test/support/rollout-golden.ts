import type { Tolerance } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { type DDTensor, Environment, type OutputType, type Sample } from "../../src/index.js";
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
} from "./golden.js";
import {
  type ReferenceConditioning,
  ReferenceModel,
  ReferenceNetworks,
  referenceControl,
  referencePolicy,
  referenceReward,
} from "./reference-model.js";

/** A `Sample` as the reference recorded it. */
export interface GoldenSample {
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

/** Conditioning as the reference recorded it. */
export interface GoldenKwargs {
  readonly shift?: GoldenArray;
  readonly doubled?: GoldenArray;
  readonly tag?: readonly string[];
  readonly strength?: number | GoldenArray;
  readonly nested?: { readonly label: GoldenArray };
}

/** One rollout with injected start and noise. */
export interface GoldenRollout {
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

/** A case of the file that is no rollout. */
export interface OtherCase {
  readonly group: "errors" | "one_dim_rewards";
  readonly name: string;
  readonly x: GoldenArray;
  readonly expected: { readonly f32: { readonly rewards: GoldenArray; readonly valids: GoldenArray } };
}

/** The file. */
export const golden = await loadFixture<{
  readonly params: GoldenArrays;
  readonly alpha_bars: GoldenArrays;
  readonly cases: readonly (GoldenRollout | OtherCase)[];
}>("packages/core/test/fixtures/reference-rollouts.json.gz");

/** The networks of its models and policies. */
export const networks = new ReferenceNetworks(golden.params);
const isRollout = (one: GoldenRollout | OtherCase): one is GoldenRollout =>
  one.group !== "errors" && one.group !== "one_dim_rewards";
/** Its rollouts. */
export const rollouts = golden.cases.filter(isRollout);
/** The file's tolerance for a float32 implementation. */
export const single: Tolerance = { relative: 1e-4, absolute: 1e-4 };

/** A rollout of ours. */
export type Rollout = Sample<DDTensor, ReferenceConditioning>;

/** Our environment for a rollout of the file. */
export function environmentOf(one: GoldenRollout): Environment<DDTensor, ReferenceConditioning> {
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
export function hasConditioning(one: GoldenRollout): boolean {
  return one.expected.f64.kwargs.shift !== undefined;
}

/** Conditioning of ours for that of the file. */
export function conditioningOf(kwargs: GoldenKwargs): Partial<ReferenceConditioning> {
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
export function step({ shape, data }: GoldenArray, k: number): GoldenArray {
  const stride = data.length / shape[0]!;
  return { shape: shape.slice(1), data: data.slice(k * stride, (k + 1) * stride) };
}

/** A rollout of the file run by us. */
export function sampleOf(one: GoldenRollout): Promise<Rollout> {
  return environmentOf(one).sample(one.n, {
    x0: batch(one.x0),
    noises: Array.from({ length: one.discretization_steps }, (_, k) => batch(step(one.noise, k))),
    record: "all",
    ...(one.kwargs && { conditioning: conditioningOf(one.kwargs) }),
    ...(one.batch_size && { batchSize: one.batch_size }),
  });
}
