import { checkConditioning, sliceConditioning } from "../conditioning/index.js";
import {
  type Coefficient,
  checkFinite,
  checkStructure,
  coefficientPerSample,
  type DiffusionData,
  isZeroCoefficient,
  joinFloats,
  requireBatch,
  Tensor,
} from "../data/index.js";
import { ArgumentError, ShapeError, throwIfAborted } from "../errors/index.js";
import type { ModelInput } from "../models/index.js";
import { RandomKey } from "../random/index.js";
import { allValid, checkRewards, type Reward } from "../rewards/index.js";
import type { NoiseSchedule } from "../schedulers/index.js";
import { evaluatorAt, stepCoefficients } from "./coefficients.js";
import { type Actors, evaluateDrift } from "./drift.js";
import { type RecordedField, recordedFields, Sample } from "./sample.js";
import type { Solver } from "./solver.js";

/** Options of one rollout. */
export interface RolloutOptions<D, C> {
  /** Seed of all noise: a whole number from 0 to 2^53 - 1. @default 0 */
  readonly seed?: number;
  /** Index of the first sample: sample i draws the noise of sample `indexOffset + i` of the seed. @default 0 */
  readonly indexOffset?: number;
  /** Starting states, n samples. @default drawn by the model's `sampleP0` */
  readonly x0?: D;
  /** Noise of each step, n samples each, in place of drawn noise. */
  readonly noises?: readonly D[];
  /** What is kept of the steps: `"all"`, or a list of fields. @default [] so that memory does not grow with the steps */
  readonly record?: "all" | readonly RecordedField[];
  /** Conditioning: one entry a sample (array, tensor with a batch axis), or constants. @default {} */
  readonly conditioning?: Partial<C>;
  /** Stops the rollout between steps with an `AbortError`. */
  readonly signal?: AbortSignal;
}

/** One step of a rollout, as `rollout` yields it. */
export interface RolloutStep<D> {
  /** Number of the step, from 0. */
  readonly index: number;
  /** Number of steps of the rollout. */
  readonly steps: number;
  /** Time at the start of the step. */
  readonly time: number;
  /** Length of the step. */
  readonly dt: number;
  /** State at the start of the step. */
  readonly x: D;
  /** State at the end of the step. */
  readonly next: D;
  /** Drift at the start of the step. */
  readonly drift: D;
  /** sigma at the start of the step. */
  readonly sigma: Coefficient;
  /** The step's standard normal noise, or undefined where sigma is 0. */
  readonly noise: D | undefined;
  /** 1/2 |u|^2 of the step, shape [n]. */
  readonly runningCosts: Float32Array;
}

/** The parts of an environment that a rollout needs. */
export interface RolloutSetup<D extends DiffusionData<D>, C extends object> extends Actors<D, C> {
  readonly reward: Reward<D, C>;
  readonly timesteps: Float32Array;
  readonly noiseSchedule: NoiseSchedule;
  readonly rewardScale: number;
  readonly solver: Solver;
}

/** The SDE loop: the only one. Yields every step and returns the finished samples. */
export async function* runRollout<D extends DiffusionData<D>, C extends object>(
  setup: RolloutSetup<D, C>,
  n: number,
  options: RolloutOptions<D, C>,
): AsyncGenerator<RolloutStep<D>, Sample<D, C>, undefined> {
  const { baseModel, timesteps, noiseSchedule, solver } = setup;
  const { seed = 0, indexOffset = 0, signal } = options;
  const steps = timesteps.length - 1;
  checkCount("n", n);
  checkCount("indexOffset", indexOffset);
  const fields: readonly RecordedField[] =
    options.record === "all" ? recordedFields : checkFields(options.record ?? []);
  throwIfAborted(signal, "Sampling");
  const key = RandomKey.fromSeed(seed);
  const start = await prepare(setup, n, options, key);
  const { conditioning } = start;
  let x = start.x;

  const kept = { trajectory: [x], drifts: [] as D[], noises: [] as D[], diffusions: [] as Coefficient[] };
  const runningCostRows: Float32Array[] = [];
  const pathCosts = new Float64Array(n);
  const noiseKey = key.fold("noise");
  for (let index = 0; index < steps; index++) {
    throwIfAborted(signal, "Sampling");
    const time = timesteps[index]!;
    const dt = timesteps[index + 1]! - time;
    const times = new Float32Array(n).fill(time);
    const coefficients = stepCoefficients(baseModel.outputType, noiseSchedule, evaluatorAt(baseModel.scheduler, time));
    const sigma = coefficients.sigma();
    const drift =
      n === 0 ? emptyDrift(x) : await evaluateDrift(setup, { x, times, conditioning, coefficients, index, time, dt });
    const needsNoise = !isZeroCoefficient(sigma) || fields.includes("noises");
    const noise =
      options.noises?.[index] ?? (needsNoise ? x.randnLike(noiseKey.fold(index).streams(indexOffset)) : undefined);
    const next = solver.step({ x, dt, sigma, noise, drift });
    checkFinite(next, "The state after the step", index);
    for (let i = 0; i < n; i++) {
      pathCosts[i]! += dt * drift.runningCosts[i]!;
    }
    if (fields.includes("trajectory")) kept.trajectory.push(next);
    if (fields.includes("drifts")) kept.drifts.push(drift.drift);
    if (fields.includes("noises")) kept.noises.push(noise!);
    if (fields.includes("diffusions")) kept.diffusions.push(coefficientPerSample(sigma, n));
    if (fields.includes("runningCosts")) runningCostRows.push(drift.runningCosts);
    yield { index, steps, time, dt, x, next, drift: drift.drift, sigma, noise, runningCosts: drift.runningCosts };
    x = next;
  }

  throwIfAborted(signal, "Sampling");
  const sample = n === 0 ? x : await baseModel.postprocess(x, conditioning);
  checkBatch(sample, "What the model's postprocess returned", n);
  const judged =
    n === 0
      ? { rewards: new Float32Array(0), valids: allValid(0) }
      : checkRewards(await setup.reward.evaluate(sample, x, conditioning), n);
  const runningCosts = fields.includes("runningCosts") && new Tensor(joinFloats(runningCostRows), [steps, n]);
  return new Sample<D, C>({
    sample,
    latent: x,
    timesteps,
    rewards: judged.rewards,
    valids: judged.valids,
    pathCosts: Float32Array.from(pathCosts),
    conditioning,
    rewardScale: setup.rewardScale,
    seed,
    recorded: {
      ...(fields.includes("trajectory") && { trajectory: kept.trajectory }),
      ...(fields.includes("drifts") && { drifts: kept.drifts }),
      ...(fields.includes("diffusions") && { diffusions: kept.diffusions }),
      ...(fields.includes("noises") && { noises: kept.noises }),
      ...(runningCosts && { runningCosts }),
    },
  });
}

/** Rows `from` to `to` of everything in the options that belongs to samples. */
export function sliceRolloutOptions<D extends DiffusionData<D>, C extends object>(
  options: RolloutOptions<D, C>,
  from: number,
  to: number,
): RolloutOptions<D, C> {
  return {
    ...options,
    indexOffset: (options.indexOffset ?? 0) + from,
    ...(options.x0 && { x0: options.x0.slice(from, to) }),
    ...(options.noises && { noises: options.noises.map((noise) => noise.slice(from, to)) }),
    ...(options.conditioning && { conditioning: sliceConditioning(options.conditioning, from, to) }),
  };
}

/** Refuses what is no number of samples. */
export function checkCount(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ArgumentError(`${name} must be a whole number >= 0, got ${value}.`, name, value);
  }
}

/** Refuses injected batches and conditioning that do not fit n samples, before anything is computed. */
export function checkInjected<D extends DiffusionData<D>, C extends object>(
  options: RolloutOptions<D, C>,
  n: number,
  steps: number,
): void {
  const { x0, noises, conditioning } = options;
  if (x0 !== undefined) {
    checkBatch(x0, "x0", n);
  }
  if (noises !== undefined && noises.length !== steps) {
    throw new ShapeError(
      `noises holds ${noises.length} batches for ${steps} steps; give one a step.`,
      [steps],
      [noises.length],
    );
  }
  for (const [index, noise] of (noises ?? []).entries()) {
    checkBatch(noise, `noises[${index}]`, n);
  }
  checkConditioning(conditioning ?? {}, n);
}

async function prepare<D extends DiffusionData<D>, C extends object>(
  setup: RolloutSetup<D, C>,
  n: number,
  options: RolloutOptions<D, C>,
  key: RandomKey,
): Promise<ModelInput<D, C>> {
  const { baseModel } = setup;
  checkInjected(options, n, setup.timesteps.length - 1);
  const streams = key.fold("p0").streams(options.indexOffset ?? 0);
  const drawn = checkInput(await baseModel.sampleP0(n, streams, options.conditioning ?? {}), "sampleP0", n);
  const x = options.x0 ?? drawn.x;
  if (options.x0 !== undefined) {
    checkStructure(x, drawn.x, "x0", { anyRows: true });
  }
  const prepared =
    n === 0
      ? { x, conditioning: drawn.conditioning }
      : checkInput(await baseModel.preprocess(x, drawn.conditioning), "preprocess", n);
  for (const [index, noise] of (options.noises ?? []).entries()) {
    checkStructure(noise, prepared.x, `noises[${index}]`);
  }
  return prepared;
}

/** What a model's method gave, when a rollout can start from it. */
function checkInput<D extends DiffusionData<D>, C extends object>(
  input: ModelInput<D, C>,
  method: string,
  n: number,
): ModelInput<D, C> {
  if (typeof input?.conditioning !== "object") {
    throw new ArgumentError(
      `The model's ${method} must return { x, conditioning }, each of them an object.`,
      method,
      input,
    );
  }
  checkBatch(input.x, `The x of the model's ${method}`, n);
  checkConditioning(input.conditioning, n);
  return input;
}

/** Refuses what is no batch of n samples with finite numbers. */
function checkBatch<D extends DiffusionData<D>>(data: D, source: string, n: number): void {
  requireBatch(data, source);
  if (data.length !== n) {
    throw new ShapeError(`${source} holds ${data.length} samples but n is ${n}.`, [n], [data.length]);
  }
  checkFinite(data, source);
}

function checkFields(fields: readonly RecordedField[]): readonly RecordedField[] {
  if (!Array.isArray(fields)) {
    throw new ArgumentError(
      `record must be "all" or an array of ${recordedFields.join(", ")}, got ${JSON.stringify(fields)}.`,
      "record",
      fields,
    );
  }
  for (const field of fields) {
    if (!recordedFields.includes(field)) {
      throw new ArgumentError(
        `record: "${field}" is not a field; choose from ${recordedFields.join(", ")}, or "all".`,
        "record",
        field,
      );
    }
  }
  return fields;
}

function emptyDrift<D extends DiffusionData<D>>(x: D): { drift: D; runningCosts: Float32Array } {
  return { drift: x, runningCosts: new Float32Array(0) };
}
