import {
  ArgumentError,
  checkConditioning,
  checkFinite,
  type DDTensor,
  type DiffusionData,
  type NoConditioning,
  RandomKey,
  type SampleStreams,
  ShapeError,
  throwIfAborted,
} from "@diffusiongym/core";
import {
  Adam,
  clipGlobalNorm,
  cosineSchedule,
  ExponentialMovingAverage,
  globalNorm,
  type LearningRateSchedule,
  type Optimizer,
  type Parameters,
} from "@diffusiongym/nn";
import { type Report, type TrainOptions, train } from "../loop/index.js";
import {
  fingerprint,
  type Json,
  type Method,
  type MethodState,
  type Metrics,
  RequirementError,
  scheduleIdentity,
  underPrefix,
  withPrefix,
} from "../method/index.js";
import type { TrainableModel } from "./trainable-model.js";
import { type TrainingBatch, type TrainingData, trainingBatch } from "./training-data.js";

/** Options of `Pretraining`. */
export interface PretrainingOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** The model whose network is trained. */
  readonly model: TrainableModel<D, C>;
  /** What it is to generate. */
  readonly data: TrainingData<D, C>;
  /** Updates of the parameters. @default 1000 */
  readonly iterations?: number;
  /** Samples of a batch. @default 256 */
  readonly batchSize?: number;
  /** Batches whose gradients are summed for an update; each counts 1 / accumulate. @default 1 */
  readonly accumulate?: number;
  /** Learning rate of Adam: a peak that falls to 0 along a cosine, or a schedule. @default 1e-3 */
  readonly learningRate?: number | LearningRateSchedule;
  /** Another optimizer in place of Adam. */
  readonly optimizer?: (parameters: Parameters) => Optimizer;
  /** Largest global norm of the gradient. @default none */
  readonly maxGradientNorm?: number;
  /** Decay of a running average of the parameters, in [0, 1). @default none */
  readonly averageDecay?: number;
  /**
   * Times are uniform between these. @default [0, 1] for a velocity model and [0.001, 0.999] for the others, whose targets
   * or conversions are singular at the ends
   */
  readonly timeRange?: readonly [number, number];
  /** Seed of the order of the data, the times and the noise. @default 0 */
  readonly seed?: number;
}

/**
 * Flow matching and denoising on data: fits the model's output to its conditional target on noised data,
 *
 *     loss = mean_i w_i mean_j (out(x_t, t)_ij - target_ij)^2,   x_t = alpha x1 + beta x0
 *
 * with the target of `BaseModel.trainLoss` (METHODS 2, weighting "native"; Lipman et al., arXiv 2210.02747). The minimum
 * is the conditional mean, that is, the exact velocity, noise, endpoint or score of the data.
 */
export class Pretraining<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> implements Method {
  readonly name = "pretraining";
  readonly iterations: number;
  /** The running average of the parameters, when `averageDecay` is given. */
  readonly average: ExponentialMovingAverage | undefined;
  private readonly options: PretrainingOptions<D, C>;
  private readonly optimizer: Optimizer;
  private readonly key: RandomKey;
  private readonly dataIdentity: string;
  private readonly scheduleIdentity: Json;
  private completed = 0;

  /** @throws ArgumentError for an option out of range, ShapeError for data whose parts do not fit */
  constructor(options: PretrainingOptions<D, C>) {
    const { model, learningRate = 1e-3, iterations = 1000, averageDecay, seed = 0 } = options;
    for (const name of ["iterations", "batchSize", "accumulate"] as const) {
      const value = options[name] ?? 1;
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new ArgumentError(`${name} must be a whole number >= 1, got ${value}.`, name, value);
      }
    }
    this.options = options;
    this.iterations = iterations;
    const schedule =
      typeof learningRate === "number" ? cosineSchedule({ peak: learningRate, steps: iterations }) : learningRate;
    const { parameters } = model.network;
    this.optimizer = options.optimizer?.(parameters) ?? new Adam(parameters, { learningRate: schedule });
    this.scheduleIdentity = scheduleIdentity((step) => this.optimizer.learningRateAt(step), iterations);
    this.average =
      averageDecay === undefined
        ? undefined
        : new ExponentialMovingAverage(parameters, { decay: averageDecay, warmup: true });
    this.key = RandomKey.fromSeed(seed).fold("pretraining");
    const [low, high] = this.timeRange();
    if (!(low >= 0 && high >= low && high <= 1)) {
      throw new ArgumentError(
        `timeRange must hold two times, 0 <= from <= to <= 1, got [${low}, ${high}].`,
        "timeRange",
        options.timeRange,
      );
    }
    if (typeof options.data === "function") {
      this.dataIdentity = "drawn by a function";
    } else {
      checkBatch(options.data);
      this.dataIdentity = fingerprint(options.data);
    }
  }

  get iteration(): number {
    return this.completed;
  }

  validate(): void {
    if (this.options.model.network.parameters.size === 0) {
      throw new RequirementError(
        "Pretraining cannot start: the model's network has no trainable parameters. Load or build it with some.",
        this.name,
        "parameters",
      );
    }
  }

  async iterate(signal?: AbortSignal): Promise<Metrics> {
    const started = performance.now();
    const { model, accumulate = 1, maxGradientNorm } = this.options;
    const { gradients } = model.network;
    let loss = 0;
    for (let part = 0; part < accumulate; part++) {
      throwIfAborted(signal, "Training");
      loss += await this.accumulateBatch(this.completed * accumulate + part, part > 0);
    }
    const { learningRate } = this.optimizer;
    const gradientNorm =
      maxGradientNorm === undefined ? globalNorm(gradients) : clipGlobalNorm(gradients, maxGradientNorm);
    this.optimizer.update(gradients);
    this.average?.update(model.network.parameters);
    this.completed += 1;
    return {
      loss,
      grad_norm: gradientNorm,
      learning_rate: learningRate,
      step_time: (performance.now() - started) / 1000,
    };
  }

  state(): MethodState {
    const optimizer = this.optimizer.state();
    const average = this.average?.state();
    return {
      iteration: this.completed,
      arrays: new Map([
        ...withPrefix("model", this.options.model.network.parameters.state()),
        ...withPrefix("optimizer", optimizer.arrays),
        ...withPrefix("average", average?.arrays ?? new Map()),
      ]),
      values: { optimizerStep: optimizer.step, averageStep: average?.step ?? 0 },
    };
  }

  restore({ iteration, arrays, values }: MethodState): void {
    this.options.model.network.parameters.restore(underPrefix("model", arrays));
    this.optimizer.restore({ step: values.optimizerStep as number, arrays: underPrefix("optimizer", arrays) });
    this.average?.restore({ step: values.averageStep as number, arrays: underPrefix("average", arrays) });
    this.completed = iteration;
  }

  describe(): { readonly [name: string]: Json } {
    const { model, batchSize = 256, accumulate = 1, maxGradientNorm, averageDecay, seed = 0 } = this.options;
    return {
      parameters: model.network.parameters.shapes().map(({ name, shape }) => ({ name, shape })),
      network: model.network.graph === undefined ? null : fingerprint(model.network.graph.nodes),
      outputType: model.outputType,
      data: this.dataIdentity,
      optimizer: this.optimizer.describe(),
      learningRate: this.scheduleIdentity,
      iterations: this.iterations,
      batchSize,
      accumulate,
      maxGradientNorm: maxGradientNorm ?? null,
      averageDecay: averageDecay ?? null,
      timeRange: [...this.timeRange()],
      seed,
    };
  }

  cite(): string {
    return citation;
  }

  private timeRange(): readonly [number, number] {
    const { model, timeRange } = this.options;
    return timeRange ?? (model.outputType === "velocity" ? [0, 1] : [0.001, 0.999]);
  }

  /** Adds a batch to the gradients; `index` counts batches from the beginning of the run. */
  private async accumulateBatch(index: number, accumulate: boolean): Promise<number> {
    const { model, data, batchSize = 256 } = this.options;
    const from = index * batchSize;
    const batch = await trainingBatch(data, from, batchSize, this.key);
    checkBatch(batch);
    const n = batch.x1.length;
    const streams = this.key.fold("noise").streams(from);
    const t = batch.t ?? drawTimes(n, streams.fold("times"), this.timeRange());
    const pair = model.trainingPair(batch.x1, { t, streams, ...(batch.x0 && { x0: batch.x0 }) });
    const weights = batch.weights ?? new Float32Array(n).fill(1);
    const { loss } = await model.regress({
      x: pair.xt,
      t,
      conditioning: batch.conditioning ?? ({} as C),
      targets: pair.target,
      weights: weights.map((weight) => weight / (n * (this.options.accumulate ?? 1))),
      accumulate,
    });
    return loss;
  }
}

/**
 * Trains a model on data to the last iteration and, when there is a running average, leaves that in the model.
 * @returns the last report, or undefined when a checkpoint was already complete
 */
export async function trainBaseModel<D extends DiffusionData<D>, C extends object>(
  model: TrainableModel<D, C>,
  options: Omit<PretrainingOptions<D, C>, "model"> & TrainOptions,
): Promise<Report | undefined> {
  const method = new Pretraining<D, C>({ ...options, model });
  const report = await train(method, options);
  if (method.average !== undefined) {
    model.network.parameters.copyFrom(method.average.parameters);
  }
  return report;
}

function checkBatch<D extends DiffusionData<D>, C extends object>(batch: TrainingBatch<D, C>): void {
  const { x1, x0, t, weights, conditioning } = batch;
  if (x1.length === 0) {
    throw new ArgumentError("The training data is empty; give at least one sample.", "data");
  }
  for (const [name, part] of Object.entries({ x0, t, weights })) {
    if (part !== undefined && part.length !== x1.length) {
      throw new ShapeError(
        `The training data has ${x1.length} samples but ${part.length} of ${name}.`,
        [x1.length],
        [part.length],
      );
    }
  }
  checkFinite(x1, "The training data");
  checkConditioning(conditioning ?? {}, x1.length);
}

function drawTimes(n: number, streams: SampleStreams, [low, high]: readonly [number, number]): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => low + (high - low) * streams.at(i).uniform());
}

const citation = `@inproceedings{lipman2023flow,
  title = {Flow Matching for Generative Modeling},
  author = {Lipman, Yaron and Chen, Ricky T. Q. and Ben-Hamu, Heli and Nickel, Maximilian and Le, Matt},
  booktitle = {International Conference on Learning Representations},
  year = {2023}
}`;
