import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { PathGradientOptions } from "../policy-gradient/index.js";
import type { TrainableValue } from "../value-matching/index.js";

/** Who makes the rollouts: the policy in training, or the base model. */
export type Behaviour = "policy" | "base";

/**
 * What stands for log Z: `"batch"`, the mean over the batch, which makes the loss a variance; `"scalar"`, a running number a
 * condition (trajectory balance); `"start"`, a network of the starting state, which needs no memoryless noise.
 */
export type Normalizer = "batch" | "scalar" | "start";

/** Options of `LogVariance`. */
export interface LogVarianceOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends PathGradientOptions<D, C> {
  /** @default "policy" */
  readonly behaviour?: Behaviour;
  /** @default "batch" */
  readonly normalizer?: Normalizer;
  /** How fast the scalar follows the mean of lambda R - L, in (0, 1]. @default 0.1 */
  readonly normalizerRate?: number;
  /** V(x_0, t_0) = -log Z(x_0), for `normalizer: "start"`; start it at 0. */
  readonly startValue?: TrainableValue<D, C>;
  /** Adam's learning rate for `startValue`. @default 1e-3 */
  readonly startLearningRate?: number;
  /** Updates from each rollout; those after the first are made on paths from the replay, which needs `replaySize`. @default 1 */
  readonly updatesPerRollout?: number;
  /** Rollouts that are kept for replay, the newest included. @default 0 */
  readonly replaySize?: number;
}
