import type { NoConditioning } from "../conditioning/index.js";
import { type Coefficient, checkFinite, checkStructure, type DDTensor, type DiffusionData } from "../data/index.js";
import { ArgumentError, ShapeError } from "../errors/index.js";
import type { SampleStreams } from "../random/index.js";
import type { NoiseSchedule, Scheduler, SchedulerLike } from "../schedulers/index.js";
import { type OutputType, outputAlgebraOf } from "./output-type.js";

/** A value, or a promise of it: whatever may run a network or a program may be asynchronous. */
export type MaybePromise<T> = T | Promise<T>;

/** Where a rollout starts: the state and the conditioning that goes with it, completed by the model. */
export interface ModelInput<D, C> {
  /** The state at the first time of the grid; shape [n, ...]. */
  readonly x: D;
  /** Conditioning with nothing left out. */
  readonly conditioning: C;
}

/** What `trainLoss` may be given; what is left out is drawn or computed. */
export interface TrainLossOptions<D, C> {
  /** Times, shape [n]. @default uniform on (0, 1), drawn from `streams` */
  readonly t?: Float32Array;
  /** Noise, of the structure of x1. @default (xt - alpha x1) / beta when `xt` is given, else drawn from `streams` */
  readonly x0?: D;
  /** Noised data. @default alpha x1 + beta x0 */
  readonly xt?: D;
  /** The model's output at (xt, t). @default `forward(xt, t, conditioning)` */
  readonly prediction?: D;
  /** Conditioning of x1. @default none */
  readonly conditioning?: C;
  /** One stream a sample, needed for what is to be drawn. */
  readonly streams?: SampleStreams;
}

/** One regression problem of pre-training: fit `target` at (xt, t). */
export interface TrainingPair<D> {
  readonly xt: D;
  readonly t: Float32Array;
  /** The noise in xt: given, drawn, or computed when asked for. @throws ArgumentError where beta is 0 and it was not given */
  readonly x0: D;
  /** The ideal output for this pair. */
  readonly target: D;
}

/**
 * A pre-trained flow or diffusion model of data type D, frozen unless a method says otherwise: a scheduler, a law of
 * noise, a network, and the way between what the network sees and what a person does.
 *
 * A subclass gives `outputType`, `scheduler`, `sampleP0` and `forward`; the rest has defaults.
 */
export abstract class BaseModel<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** What `forward` returns. */
  abstract readonly outputType: OutputType;
  /** alpha and beta of x_t = alpha x1 + beta x0. */
  abstract readonly scheduler: SchedulerLike;
  /** Noise of the sampling SDE that suits the model when the user names none. @default undefined, meaning memoryless */
  readonly noiseSchedule: NoiseSchedule | undefined = undefined;

  /**
   * Draws n starting states x0 ~ p0 and completes the conditioning (labels, prompts, atom counts that were not given).
   * @param n number of samples, possibly 0
   * @param streams one random stream a sample; sample i may draw from its own only
   * @param conditioning what the user gave
   */
  abstract sampleP0(n: number, streams: SampleStreams, conditioning: Partial<C>): MaybePromise<ModelInput<D, C>>;

  /**
   * The network's output at (x, t), of the structure of x.
   * @param x states, n samples
   * @param t times, shape [n]
   * @param conditioning one entry a sample, or constants
   */
  abstract forward(x: D, t: Float32Array, conditioning: C): MaybePromise<D>;

  /** What must happen once before the rollout (encoding prompts, say). @default nothing */
  preprocess(x: D, conditioning: C): MaybePromise<ModelInput<D, C>> {
    return { x, conditioning };
  }

  /** Turns latents into samples (decoding, clamping). @default nothing */
  postprocess(latent: D, _conditioning: C): MaybePromise<D> {
    return latent;
  }

  /**
   * Loss of pre-training per sample: mean over the sample's entries of (prediction - target)^2, where the target is
   * alphaDot x1 + betaDot x0 (velocity), x0 (epsilon), x1 (endpoint) or -x0 / beta (score). METHODS 2, weighting "native".
   * @returns shape [n]
   */
  async trainLoss(x1: D, options: TrainLossOptions<D, C> = {}): Promise<Float32Array> {
    const pair = this.trainingPair(x1, options);
    const prediction = options.prediction ?? (await this.forward(pair.xt, pair.t, options.conditioning ?? ({} as C)));
    // Arithmetic would broadcast a prediction of another shape.
    checkStructure(prediction, pair.target, "The prediction");
    checkFinite(prediction, "The prediction");
    return squaredDifference(prediction, pair.target);
  }

  /** The noised data, times and target that `trainLoss` compares with; what methods train networks on. */
  trainingPair(x1: D, options: Omit<TrainLossOptions<D, C>, "prediction"> = {}): TrainingPair<D> {
    const { streams } = options;
    checkFinite(x1, "x1");
    const algebra = outputAlgebraOf(this.outputType);
    const t = options.t ?? drawTimes(x1.length, streams);
    if (t.length !== x1.length) {
      throw new ShapeError(`trainLoss: ${t.length} times for ${x1.length} samples.`, [x1.length], [t.length]);
    }
    // Named, because errors name the function whose value is not finite.
    const alpha = (scheduler: Scheduler, time: number): number => scheduler.alpha(time);
    const beta = (scheduler: Scheduler, time: number): number => scheduler.beta(time);
    const targetNoise = (scheduler: Scheduler, time: number): number => algebra.target(scheduler, time).x0;
    const targetData = (scheduler: Scheduler, time: number): number => algebra.target(scheduler, time).x1;
    const at = (f: (scheduler: Scheduler, time: number) => number): Coefficient => this.scheduler.evaluateBatch(f, t);
    const given = options.x0 ?? (options.xt === undefined ? drawNoise(x1, streams) : undefined);
    const noise = (): D => given ?? this.noiseOf(x1, options.xt!, t);
    const xt = options.xt ?? x1.linearCombination(at(alpha), [[at(beta), noise()]]);
    // An endpoint model's target is free of the noise, which is undefined where beta is 0.
    const noiseTerm = this.outputType === "endpoint" ? [] : [[at(targetNoise), noise()] as const];
    const target = x1.linearCombination(at(targetData), noiseTerm);
    return {
      xt,
      t,
      target,
      get x0() {
        return noise();
      },
    };
  }

  /** (xt - alpha x1) / beta. */
  private noiseOf(x1: D, xt: D, t: Float32Array): D {
    const overBeta = (scheduler: Scheduler, time: number): number => 1 / nonZeroBeta(scheduler, time);
    const alphaOverBeta = (scheduler: Scheduler, time: number): number =>
      -scheduler.alpha(time) / nonZeroBeta(scheduler, time);
    return xt.linearCombination(this.scheduler.evaluateBatch(overBeta, t), [
      [this.scheduler.evaluateBatch(alphaOverBeta, t), x1],
    ]);
  }
}

/** Mean over each sample's entries of (a - b)^2; shape [n]. */
function squaredDifference<D extends DiffusionData<D>>(a: D, b: D): Float32Array {
  const difference = a.sub(b);
  return difference.mul(difference).aggregate("mean");
}

function nonZeroBeta(scheduler: Scheduler, time: number): number {
  const beta = scheduler.beta(time);
  if (beta === 0) {
    throw new ArgumentError(
      `trainLoss: the noise of xt is undefined at t = ${time}, where beta is 0. Give x0 as well, or times below 1.`,
      "t",
      time,
    );
  }
  return beta;
}

function drawTimes(n: number, streams: SampleStreams | undefined): Float32Array {
  const source = needStreams(streams, "t").fold("t");
  return Float32Array.from({ length: n }, (_, i) => source.at(i).uniform());
}

function drawNoise<D extends DiffusionData<D>>(x1: D, streams: SampleStreams | undefined): D {
  return x1.randnLike(needStreams(streams, "x0").fold("x0"));
}

function needStreams(streams: SampleStreams | undefined, missing: string): SampleStreams {
  if (streams === undefined) {
    throw new ArgumentError(
      `trainLoss: "${missing}" is not given, so it must be drawn; give "streams", for example RandomKey.fromSeed(0).streams().`,
      "streams",
    );
  }
  return streams;
}
