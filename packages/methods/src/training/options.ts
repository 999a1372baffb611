import {
  ArgumentError,
  type DDTensor,
  type DiffusionData,
  type Environment,
  type NoConditioning,
} from "@diffusiongym/core";
import { Adam, cosineSchedule, type LearningRateSchedule, type Optimizer, type Parameters } from "@diffusiongym/nn";
import type { TrainablePolicy } from "../policies/index.js";

/** Options that every method with a trained policy has. */
export interface PolicyMethodOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** What to adapt: base model and reward; no policy set. Its `rewardScale` is lambda. */
  readonly environment: Environment<D, C>;
  /** What is trained: start it at the base model (a copy of it, LoRA, or a residual network that starts at 0). */
  readonly policy: TrainablePolicy<D, C>;
  /** Iterations of the run. @default the method's */
  readonly iterations?: number;
  /** Samples of an iteration. @default the method's */
  readonly batchSize?: number;
  /** Learning rate: a peak that falls to 0 along a cosine over all updates, or a schedule of one's own. @default 1e-3 */
  readonly learningRate?: number | LearningRateSchedule;
  /** Another optimizer in place of Adam; takes the schedule. */
  readonly optimizer?: (parameters: Parameters, learningRate: LearningRateSchedule) => Optimizer;
  /** Largest global norm of the gradient; Infinity for no limit. @default 1, and none for adjoint matching */
  readonly maxGradientNorm?: number;
  /** Decay of a running average of the parameters, in [0, 1); `method.adapted` then samples with the average. @default none */
  readonly averageDecay?: number;
  /**
   * Path KL to the base model at which the run stops itself: for methods without an anchor, which leave the data sooner or
   * later. @default the method's; none for methods that converge
   */
  readonly maxKlPath?: number;
  /** Conditioning of the samples, one entry a sample or constants. @default {} */
  readonly conditioning?: Partial<C>;
  /** Rows of the network computed at once; does not change the update beyond rounding. @default 8192 */
  readonly rowsAtOnce?: number;
  /**
   * Seed of all draws. Judge the result on another: `sample` with this one would see the noise of training again.
   * @default 0
   */
  readonly seed?: number;
}

/** What a method uses where its user says nothing. */
export interface PolicyMethodDefaults {
  readonly iterations: number;
  readonly batchSize: number;
  /** Updates of the parameters in an iteration, over which the learning rate falls. @default 1 */
  readonly updatesPerIteration?: number;
  /** @default 1e-3 */
  readonly learningRate?: number;
  /** @default 1 */
  readonly maxGradientNorm?: number;
  /** @default none */
  readonly averageDecay?: number;
  /** @default none */
  readonly maxKlPath?: number;
}

/** Options with nothing left out. */
export interface ResolvedPolicyOptions<D extends DiffusionData<D>, C extends object> {
  readonly environment: Environment<D, C>;
  readonly policy: TrainablePolicy<D, C>;
  readonly iterations: number;
  readonly batchSize: number;
  readonly updates: number;
  readonly learningRate: LearningRateSchedule;
  readonly makeOptimizer: (parameters: Parameters) => Optimizer;
  readonly maxGradientNorm: number;
  readonly averageDecay: number | undefined;
  readonly maxKlPath: number;
  readonly conditioning: Partial<C>;
  readonly rowsAtOnce: number;
  readonly seed: number;
}

/**
 * Fills in defaults and checks ranges.
 * @throws ArgumentError naming the option
 */
export function resolvePolicyOptions<D extends DiffusionData<D>, C extends object>(
  options: PolicyMethodOptions<D, C>,
  defaults: PolicyMethodDefaults,
): ResolvedPolicyOptions<D, C> {
  const { iterations = defaults.iterations, batchSize = defaults.batchSize, rowsAtOnce = 8192, seed = 0 } = options;
  const { learningRate = defaults.learningRate ?? 1e-3, maxGradientNorm = defaults.maxGradientNorm ?? 1 } = options;
  requireCount("iterations", iterations);
  requireCount("batchSize", batchSize);
  requireCount("rowsAtOnce", rowsAtOnce);
  const maxKlPath = options.maxKlPath ?? defaults.maxKlPath ?? Number.POSITIVE_INFINITY;
  requireAbove("maxGradientNorm", maxGradientNorm, 0);
  requireAbove("maxKlPath", maxKlPath, 0);
  const updates = iterations * (defaults.updatesPerIteration ?? 1);
  const schedule =
    typeof learningRate === "number" ? cosineSchedule({ peak: learningRate, steps: updates }) : learningRate;
  const makeOptimizer = options.optimizer ?? ((parameters) => new Adam(parameters, { learningRate: schedule }));
  return {
    environment: options.environment,
    policy: options.policy,
    iterations,
    batchSize,
    updates,
    learningRate: schedule,
    makeOptimizer: (parameters) => makeOptimizer(parameters, schedule),
    maxGradientNorm,
    averageDecay: options.averageDecay ?? defaults.averageDecay,
    maxKlPath,
    conditioning: options.conditioning ?? {},
    rowsAtOnce,
    seed,
  };
}

/**
 * Checks an option that counts something.
 * @throws ArgumentError unless it is a whole number >= least
 */
export function requireCount(name: string, value: number, least = 1): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new ArgumentError(`${name} must be a whole number >= ${least}, got ${value}.`, name, value);
  }
}

/**
 * Checks an option that must be a number above another.
 * @throws ArgumentError when it is not
 */
export function requireAbove(name: string, value: number, least: number): void {
  if (!(value > least)) {
    throw new ArgumentError(`${name} must be > ${least}, got ${value}.`, name, value);
  }
}

/**
 * Checks an option that must lie in an interval, ends included.
 * @throws ArgumentError when it does not
 */
export function requireBetween(name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high)) {
    throw new ArgumentError(`${name} must be in [${low}, ${high}], got ${value}.`, name, value);
  }
}
