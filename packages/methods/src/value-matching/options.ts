import {
  ArgumentError,
  type DDTensor,
  type DiffusionData,
  type Environment,
  type NoConditioning,
} from "@diffusiongym/core";
import { cosineSchedule, type LearningRateSchedule } from "@diffusiongym/nn";
import { requireOneOf } from "../method/index.js";
import { requireAbove, requireCount } from "../training/index.js";
import type { ValueTarget } from "./targets.js";
import type { TrainableValue } from "./trainable-value.js";
import type { ValueWeighting } from "./weights.js";

/** Reward scale that rises linearly from a smaller one, so that rare modes are found before they are needed. */
export interface RewardScaleAnnealing {
  /** Reward scale of the first iteration. */
  readonly from: number;
  /** Iterations until the environment's own scale is reached. */
  readonly iterations: number;
}

/** Options of `ValueMatching`. */
export interface ValueMatchingOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** What to adapt: memoryless noise, no policy. Its `rewardScale` is lambda. */
  readonly environment: Environment<D, C>;
  /** The value network; start it at V = 0 (a last layer of zeros), so that training starts at the base model. */
  readonly value: TrainableValue<D, C>;
  /** Iterations of the run. @default 1000 */
  readonly iterations?: number;
  /** Rollouts of an iteration. @default 128 */
  readonly batchSize?: number;
  /**
   * Steps of the optimizer on the rollouts of an iteration, whose targets stay as they are. More than one pays where a rollout
   * costs much more than an update, as with large base models.
   * @default 1
   */
  readonly updatesPerIteration?: number;
  /** Adam's learning rate: a peak that falls to 0 along a cosine, or a schedule of one's own. @default 1e-3 */
  readonly learningRate?: number | LearningRateSchedule;
  /** Largest global norm of the gradient. @default 1 */
  readonly maxGradientNorm?: number;
  /**
   * `"martingale"` adds the stochastic integral of the control to the cost to go: the same mean, and 10 to 250 times less
   * variance near the optimum. `"plain"` is the public code's.
   * @default "martingale"
   */
  readonly target?: ValueTarget;
  /**
   * Evaluate the control's gradient where the base step leads. Without it the fixed point is under-tilted on coarse grids.
   * @default true
   */
  readonly lookAhead?: boolean;
  /** Weight of the regression at time t. @default "uniform" */
  readonly weights?: ValueWeighting;
  /** Raise the reward scale slowly. @default the environment's scale from the start */
  readonly annealing?: RewardScaleAnnealing;
  /** Conditioning of the rollouts, one entry a rollout or constants. @default {} */
  readonly conditioning?: Partial<C>;
  /** Rows of the regression computed at once; does not change the update beyond rounding. @default 8192 */
  readonly regressionBatchSize?: number;
  /**
   * Seed of the rollouts. Judge the result on another: `sample` with this one would see the noise of training again.
   * @default 0
   */
  readonly seed?: number;
}

/** Options with nothing left out. */
export interface ResolvedOptions<D extends DiffusionData<D>, C extends object> {
  readonly environment: Environment<D, C>;
  readonly value: TrainableValue<D, C>;
  readonly iterations: number;
  readonly batchSize: number;
  readonly updatesPerIteration: number;
  readonly learningRate: LearningRateSchedule;
  readonly maxGradientNorm: number;
  readonly target: ValueTarget;
  readonly lookAhead: boolean;
  readonly weights: ValueWeighting;
  readonly annealing: RewardScaleAnnealing | undefined;
  readonly conditioning: Partial<C>;
  readonly regressionBatchSize: number;
  readonly seed: number;
}

/**
 * Fills in defaults and checks ranges.
 * @throws ArgumentError naming the option
 */
export function resolveOptions<D extends DiffusionData<D>, C extends object>(
  options: ValueMatchingOptions<D, C>,
): ResolvedOptions<D, C> {
  const iterations = options.iterations ?? 1000;
  const batchSize = options.batchSize ?? 128;
  const regressionBatchSize = options.regressionBatchSize ?? 8192;
  const maxGradientNorm = options.maxGradientNorm ?? 1;
  const updatesPerIteration = options.updatesPerIteration ?? 1;
  requireCount("iterations", iterations);
  requireCount("batchSize", batchSize);
  requireCount("updatesPerIteration", updatesPerIteration);
  requireCount("regressionBatchSize", regressionBatchSize);
  requireAbove("maxGradientNorm", maxGradientNorm, 0);
  const { annealing, learningRate = 1e-3, target = "martingale", weights = "uniform" } = options;
  requireOneOf("target", target, ["martingale", "plain"]);
  if (typeof weights !== "function") {
    requireOneOf("weights", weights, ["uniform", "variance"]);
  }
  if (annealing !== undefined) {
    requireCount("annealing.iterations", annealing.iterations);
    if (!Number.isFinite(annealing.from)) {
      throw new ArgumentError(`annealing.from must be finite, got ${annealing.from}.`, "annealing", annealing);
    }
    const { rewardScale } = options.environment;
    if (annealing.from * rewardScale < 0) {
      throw new ArgumentError(
        `annealing.from = ${annealing.from} and the environment's rewardScale = ${rewardScale} have different signs, so that ` +
          "training would first go the other way; give them the same.",
        "annealing",
        annealing,
      );
    }
  }
  return {
    environment: options.environment,
    value: options.value,
    iterations,
    batchSize,
    updatesPerIteration,
    learningRate:
      typeof learningRate === "number"
        ? cosineSchedule({ peak: learningRate, steps: iterations * updatesPerIteration })
        : learningRate,
    maxGradientNorm,
    target,
    lookAhead: options.lookAhead ?? true,
    weights,
    annealing,
    conditioning: options.conditioning ?? {},
    regressionBatchSize,
    seed: options.seed ?? 0,
  };
}
