import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { GradientEstimator, SurrogateOptions } from "../policy-gradient/index.js";

/** Options of `DDPO`. */
export interface DDPOOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends SurrogateOptions<D, C> {
  /** `"importance"` is DDPO-IS, with clipped ratios; `"score"` is DDPO-SF, one update a rollout. @default "importance" */
  readonly estimator?: GradientEstimator;
  /** Largest absolute advantage. @default 5 */
  readonly advantageClip?: number;
  /**
   * Rewards of each group that are remembered to judge its next ones by; needs `groupSize`. 0 judges a batch by itself.
   * @default 32
   */
  readonly historySize?: number;
  /** Rewards that a group must have remembered; until then it is judged by the whole batch. @default 16 */
  readonly leastHistory?: number;
}
