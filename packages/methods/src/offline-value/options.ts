import {
  ArgumentError,
  type DDTensor,
  type DiffusionData,
  type Environment,
  type NoConditioning,
} from "@diffusiongym/core";
import { cosineSchedule, type LearningRateSchedule } from "@diffusiongym/nn";
import { requireOneOf } from "../method/index.js";
import { requireAbove, requireBetween, requireCount } from "../training/index.js";
import type { TrainableValue } from "../value-matching/index.js";

/**
 * `"contrastive"` is contrastive energy prediction, which compares samples at a common time: the less noisy one. `"exponential"` regresses
 * E[exp(lambda r) | x_t] directly, and so knows V itself rather than its differences.
 */
export type OfflineValueLoss = "exponential" | "contrastive";

/** Options of `OfflineValue`. */
export interface OfflineValueOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** What to adapt: memoryless noise, no policy. Its `rewardScale` is lambda. */
  readonly environment: Environment<D, C>;
  /** The value network; start it at 0 (a last layer of zeros). What it learns is V + log Z: see `OfflineValue.value`. */
  readonly value: TrainableValue<D, C>;
  /** @default "contrastive" */
  readonly loss?: OfflineValueLoss;
  /** Samples of the base model, drawn once. @default 16384 */
  readonly poolSize?: number;
  /** Steps of Heun's method for the pool. @default 24 */
  readonly odeSteps?: number;
  /** Updates. @default 2000 */
  readonly iterations?: number;
  /** Noised samples of an update. @default 1024 */
  readonly batchSize?: number;
  /** Samples that are compared at one time, for `"contrastive"`; at least 2 and a divisor of `batchSize`. @default 32 */
  readonly contrastSize?: number;
  /**
   * Weights in the contrast: `"pool"`, exp(lambda r) over its mean in the pool, is exact for any `contrastSize`; `"softmax"`, over their sum in the
   * contrast, is the published form, with a bias of order 1 / `contrastSize`.
   * @default "pool"
   */
  readonly contrastWeights?: "pool" | "softmax";
  /** Consecutive samples of the pool that share their conditioning and are contrasted with each other only; 0 for all. @default 0 */
  readonly groupSize?: number;
  /** Noising times lie between these. @default [0.001, 0.999] */
  readonly timeRange?: readonly [number, number];
  /** Effective samples that the weighted pool must have. @default 20 */
  readonly leastEss?: number;
  /** Adam's learning rate: a peak that falls to 0 along a cosine, or a schedule of one's own. @default 3e-3 */
  readonly learningRate?: number | LearningRateSchedule;
  /** Largest global norm of the gradient. @default 1 */
  readonly maxGradientNorm?: number;
  /** Conditioning of the pool, one entry a sample or constants. @default {} */
  readonly conditioning?: Partial<C>;
  /** Rows of the network computed at once; does not change the update beyond rounding. @default 8192 */
  readonly rowsAtOnce?: number;
  /** Seed of all draws. @default 0 */
  readonly seed?: number;
}

/** Options with nothing left out. */
export type ResolvedOfflineValueOptions<D extends DiffusionData<D>, C extends object> = Required<
  Omit<OfflineValueOptions<D, C>, "learningRate">
> & { readonly learningRate: LearningRateSchedule };

/**
 * Fills in defaults and checks ranges.
 * @throws ArgumentError naming the option
 */
export function resolveOfflineValue<D extends DiffusionData<D>, C extends object>(
  options: OfflineValueOptions<D, C>,
): ResolvedOfflineValueOptions<D, C> {
  const resolved = {
    loss: "contrastive" as OfflineValueLoss,
    poolSize: 16_384,
    odeSteps: 24,
    iterations: 2000,
    batchSize: 1024,
    contrastSize: 32,
    contrastWeights: "pool" as const,
    groupSize: 0,
    timeRange: [0.001, 0.999] as const,
    leastEss: 20,
    maxGradientNorm: 1,
    conditioning: {},
    rowsAtOnce: 8192,
    seed: 0,
    ...options,
  };
  const { loss, poolSize, odeSteps, iterations, batchSize, contrastSize, groupSize, timeRange } = resolved;
  const { learningRate = 3e-3 } = options;
  requireOneOf("loss", loss, ["exponential", "contrastive"]);
  requireOneOf("contrastWeights", resolved.contrastWeights, ["pool", "softmax"]);
  requireCount("poolSize", poolSize, 2);
  requireCount("odeSteps", odeSteps);
  requireCount("iterations", iterations);
  requireCount("batchSize", batchSize);
  requireCount("contrastSize", contrastSize, 2);
  requireCount("groupSize", groupSize, 0);
  requireCount("rowsAtOnce", resolved.rowsAtOnce);
  requireBetween("timeRange", timeRange[0], 0, timeRange[1]);
  requireBetween("timeRange", timeRange[1], 0, 1);
  requireBetween("leastEss", resolved.leastEss, 0, poolSize);
  requireAbove("maxGradientNorm", resolved.maxGradientNorm, 0);
  if (groupSize === 1 || (groupSize > 0 && poolSize % groupSize !== 0)) {
    throw new ArgumentError(
      `groupSize must be 0, or at least 2 and a divisor of poolSize = ${poolSize}, got ${groupSize}.`,
      "groupSize",
      groupSize,
    );
  }
  if (loss === "contrastive" && batchSize % contrastSize !== 0) {
    throw new ArgumentError(
      `contrastSize must divide batchSize = ${batchSize}, got ${contrastSize}.`,
      "contrastSize",
      contrastSize,
    );
  }
  return {
    ...resolved,
    learningRate:
      typeof learningRate === "number" ? cosineSchedule({ peak: learningRate, steps: iterations }) : learningRate,
  };
}
