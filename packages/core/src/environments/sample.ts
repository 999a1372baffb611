import { concatConditioning, conditioningAt, type NoConditioning, sliceConditioning } from "../conditioning/index.js";
import {
  type Coefficient,
  collate,
  type DDTensor,
  type DiffusionData,
  joinCoefficients,
  joinFloats,
  resolveIndex,
  resolveSlice,
  sliceCoefficient,
  Tensor,
} from "../data/index.js";
import { ArgumentError, IncompatibleError } from "../errors/index.js";

/** What a rollout can keep of each step, if asked; memory then grows with the number of steps. */
export type RecordedField = "trajectory" | "drifts" | "diffusions" | "noises" | "runningCosts";

/** Every field that can be recorded. */
export const recordedFields = [
  "trajectory",
  "drifts",
  "diffusions",
  "noises",
  "runningCosts",
] as const satisfies readonly RecordedField[];

/** What was kept of the steps. */
export interface Recorded<D> {
  readonly trajectory?: readonly D[];
  readonly drifts?: readonly D[];
  readonly diffusions?: readonly Coefficient[];
  readonly noises?: readonly D[];
  readonly runningCosts?: Tensor<Float32Array>;
}

/** Everything a `Sample` is made of. */
export interface SampleFields<D, C> {
  readonly sample: D;
  readonly latent: D;
  readonly timesteps: Float32Array;
  readonly rewards: Float32Array;
  readonly valids: Uint8Array;
  readonly pathCosts: Float32Array;
  readonly conditioning: C;
  readonly rewardScale: number;
  readonly seed: number;
  readonly recorded: Recorded<D>;
}

/** The result of a rollout: n samples with their rewards, and of the steps between whatever was to be recorded. */
export class Sample<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** What `postprocess` made of the latents. */
  readonly sample: D;
  /** States in which the SDE ended. */
  readonly latent: D;
  /** The time grid t_0 ... t_N, shape [steps + 1]. */
  readonly timesteps: Float32Array;
  /** Rewards, shape [n]; of no meaning, but finite, where a sample is invalid. */
  readonly rewards: Float32Array;
  /** 1 where the reward could judge the sample, shape [n]. */
  readonly valids: Uint8Array;
  /** Sum over the steps of dt/2 |u|^2, each sample's cost of control, shape [n]. Its mean is the path KL to the base model. */
  readonly pathCosts: Float32Array;
  /** Conditioning, completed and preprocessed. */
  readonly conditioning: C;
  /** Factor of the reward in the terminal cost. */
  readonly rewardScale: number;
  /** Seed of the rollout. */
  readonly seed: number;
  private readonly recorded: Recorded<D>;

  constructor(fields: SampleFields<D, C>) {
    this.sample = fields.sample;
    this.latent = fields.latent;
    this.timesteps = fields.timesteps;
    this.rewards = fields.rewards;
    this.valids = fields.valids;
    this.pathCosts = fields.pathCosts;
    this.conditioning = fields.conditioning;
    this.rewardScale = fields.rewardScale;
    this.seed = fields.seed;
    this.recorded = fields.recorded;
  }

  /** Number of samples. */
  get length(): number {
    return this.rewards.length;
  }

  /** Number of steps of the grid. */
  get steps(): number {
    return this.timesteps.length - 1;
  }

  /** States at every time of the grid: steps + 1 batches, the last one `latent`. */
  get trajectory(): readonly D[] {
    return this.require("trajectory");
  }

  /** Drifts b + sigma u, one batch a step. */
  get drifts(): readonly D[] {
    return this.require("drifts");
  }

  /** sigma of each step, one number a sample (or a record of such, one entry a part, where parts have schedules of their own). */
  get diffusions(): readonly Coefficient[] {
    return this.require("diffusions");
  }

  /** Standard normal noise of each step. */
  get noises(): readonly D[] {
    return this.require("noises");
  }

  /** 1/2 |u|^2 of each step, shape [steps, n]. */
  get runningCosts(): Tensor<Float32Array> {
    return this.require("runningCosts");
  }

  /**
   * The cost functional, shape [steps + 1, n]: at row k the sum over later steps of dt times the running cost, minus
   * rewardScale times the reward (DECISIONS 3). Needs `runningCosts` recorded.
   */
  get costs(): Tensor<Float32Array> {
    const n = this.length;
    const running = this.runningCosts.data;
    const costs = new Float32Array((this.steps + 1) * n);
    for (let i = 0; i < n; i++) {
      let sum = -this.rewardScale * this.rewards[i]!;
      costs[this.steps * n + i] = sum;
      for (let k = this.steps - 1; k >= 0; k--) {
        sum += (this.timesteps[k + 1]! - this.timesteps[k]!) * running[k * n + i]!;
        costs[k * n + i] = sum;
      }
    }
    return new Tensor(costs, [this.steps + 1, n]);
  }

  /** True when a field was recorded. */
  has(field: RecordedField): boolean {
    return this.recorded[field] !== undefined;
  }

  /** One sample, as a Sample of one; negative indices count from the end. */
  at(index: number): Sample<D, C> {
    const resolved = resolveIndex(this.length, index);
    return this.part(resolved, resolved + 1, conditioningAt(this.conditioning, this.length, resolved));
  }

  /** Samples `start` to `end` (excluded), with the rules of `Array.prototype.slice`. */
  slice(start?: number, end?: number): Sample<D, C> {
    const [from, to] = resolveSlice(this.length, start, end);
    return this.part(from, to, sliceConditioning(this.conditioning, from, to));
  }

  /**
   * Joins samples of one environment and grid.
   * @throws IncompatibleError when grids differ or not the same fields were recorded
   */
  static concat<D extends DiffusionData<D>, C extends object>(items: readonly Sample<D, C>[]): Sample<D, C> {
    const first = items[0];
    if (first === undefined) {
      throw new ArgumentError("Sample.concat: there is nothing to join.", "items", items);
    }
    for (const item of items) {
      if (item.timesteps.join() !== first.timesteps.join() || item.rewardScale !== first.rewardScale) {
        throw new IncompatibleError("Sample.concat: the samples come from different time grids or reward scales.");
      }
      if (recordedFields.some((field) => item.has(field) !== first.has(field))) {
        throw new IncompatibleError(
          "Sample.concat: not the same fields were recorded; give both rollouts the same `record`.",
        );
      }
    }
    const joinSteps = (pick: (item: Sample<D, C>) => readonly D[]): readonly D[] =>
      pick(first).map((_, k) => collate(items.map((item) => pick(item)[k]!)));
    return new Sample<D, C>({
      sample: collate(items.map((item) => item.sample)),
      latent: collate(items.map((item) => item.latent)),
      timesteps: first.timesteps,
      rewards: joinFloats(items.map((item) => item.rewards)),
      valids: Uint8Array.from(items.flatMap((item) => Array.from(item.valids))),
      pathCosts: joinFloats(items.map((item) => item.pathCosts)),
      conditioning: concatConditioning(
        items.map((item) => item.conditioning),
        items.map((item) => item.length),
      ),
      rewardScale: first.rewardScale,
      seed: first.seed,
      recorded: {
        ...(first.has("trajectory") && { trajectory: joinSteps((item) => item.trajectory) }),
        ...(first.has("drifts") && { drifts: joinSteps((item) => item.drifts) }),
        ...(first.has("noises") && { noises: joinSteps((item) => item.noises) }),
        ...(first.has("diffusions") && {
          diffusions: first.diffusions.map((_, k) => joinCoefficients(items.map((item) => item.diffusions[k]!))),
        }),
        ...(first.has("runningCosts") && { runningCosts: joinColumns(items.map((item) => item.runningCosts)) }),
      },
    });
  }

  /** A summary for logs: counts, reward statistics over valid samples, mean path cost. Plain JSON. */
  toJSON(): Record<string, unknown> {
    const judged = Array.from(this.rewards).filter((_, i) => this.valids[i] === 1);
    const mean = (values: readonly number[]): number | null =>
      values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
    const rewardMean = mean(judged);
    const variance = mean(judged.map((reward) => (reward - rewardMean!) ** 2));
    return {
      length: this.length,
      steps: this.steps,
      seed: this.seed,
      rewardScale: this.rewardScale,
      validFraction: mean(Array.from(this.valids)),
      rewardMean,
      rewardStd: variance === null ? null : Math.sqrt(variance),
      klPath: mean(Array.from(this.pathCosts)),
      recorded: recordedFields.filter((field) => this.has(field)),
    };
  }

  private part(from: number, to: number, conditioning: C): Sample<D, C> {
    const { trajectory, drifts, diffusions, noises, runningCosts } = this.recorded;
    const cut = (batches: readonly D[]): readonly D[] => batches.map((batch) => batch.slice(from, to));
    return new Sample<D, C>({
      sample: this.sample.slice(from, to),
      latent: this.latent.slice(from, to),
      timesteps: this.timesteps,
      rewards: this.rewards.slice(from, to),
      valids: this.valids.slice(from, to),
      pathCosts: this.pathCosts.slice(from, to),
      conditioning,
      rewardScale: this.rewardScale,
      seed: this.seed,
      recorded: {
        ...(trajectory && { trajectory: cut(trajectory) }),
        ...(drifts && { drifts: cut(drifts) }),
        ...(noises && { noises: cut(noises) }),
        ...(diffusions && { diffusions: diffusions.map((sigma) => sliceCoefficient(sigma, from, to)) }),
        ...(runningCosts && { runningCosts: sliceColumns(runningCosts, from, to) }),
      },
    });
  }

  private require<F extends RecordedField>(field: F): NonNullable<Recorded<D>[F]> {
    const value = this.recorded[field];
    if (value === undefined) {
      throw new ArgumentError(
        `"${field}" was not recorded. Ask for it: sample(n, { record: ["${field}"] }), or record: "all".`,
        "record",
        field,
      );
    }
    return value as NonNullable<Recorded<D>[F]>;
  }
}

function sliceColumns(tensor: Tensor<Float32Array>, from: number, to: number): Tensor<Float32Array> {
  const [rows, n] = tensor.shape as [number, number];
  const parts = Array.from({ length: rows }, (_, k) => tensor.data.subarray(k * n + from, k * n + to));
  return new Tensor(joinFloats(parts), [rows, to - from]);
}

function joinColumns(tensors: readonly Tensor<Float32Array>[]): Tensor<Float32Array> {
  const rows = tensors[0]!.shape[0]!;
  const width = tensors.reduce((sum, tensor) => sum + tensor.shape[1]!, 0);
  const parts = Array.from({ length: rows }, (_, k) =>
    tensors.map((tensor) => tensor.data.subarray(k * tensor.shape[1]!, (k + 1) * tensor.shape[1]!)),
  );
  return new Tensor(joinFloats(parts.flat()), [rows, width]);
}
