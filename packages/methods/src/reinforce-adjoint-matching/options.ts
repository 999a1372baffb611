import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { LearningRateSchedule } from "@diffusiongym/nn";
import type { EndpointOptions } from "../endpoint-regression/index.js";
import type { TrainableValue } from "../value-matching/index.js";

/** What the reward is compared with. */
export type ReinforceBaseline = "conditional" | "mean" | "none";

/** Options of `ReinforceAdjointMatching`. */
export interface ReinforceAdjointMatchingOptions<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends EndpointOptions<D, C> {
  /**
   * `"conditional"`: E[r | x_t], learned by `rewardBaseline`; stable at every lambda. `"mean"`: the mean over the batch, or over
   * each group; `"none"`: 0. These two change the fixed point, and are refused where they are unstable.
   * @default "conditional"
   */
  readonly baseline?: ReinforceBaseline;
  /** Network for E[r - mean r | x_t], needed for the conditional baseline; start it at 0. */
  readonly rewardBaseline?: TrainableValue<D, C>;
  /**
   * Keep the cost of the path behind x_t, estimated without a rollout ("RAM-B", METHODS 1.13): the fixed point is then the tilt.
   * @default false
   */
  readonly pathCost?: boolean;
  /** Network for the mean path cost given x_t, needed for the conditional baseline with `pathCost`; start it at 0. */
  readonly costBaseline?: TrainableValue<D, C>;
  /**
   * Second order in lambda without the path cost: the first half of the iterations makes an explicit step of lambda / 2 from the base
   * model (METHODS 1.14), the second half is RAM at lambda / 2 from where that ended.
   * @default false
   */
  readonly trapezoid?: boolean;
  /** Learning rate of the baselines. @default that of the policy */
  readonly baselineLearningRate?: number | LearningRateSchedule;
  /** Consecutive samples that share a condition, compared with each other only; 0 for the whole batch. @default 0 */
  readonly groupSize?: number;
  /** `"std"` divides rewards by the deviation within their group, which makes lambda unknown: `lambda_effective`. @default "none" */
  readonly normalization?: "none" | "std";
  /** Largest sample of the path cost. @default 200 */
  readonly maxCost?: number;
  /** Largest norm of target minus base output, in units of the velocity. @default 50 with `pathCost`, else Infinity */
  readonly maxCorrection?: number;
  /** Iterations between rollouts of the SDE that measure `sde_reward_gap` and `kl_path`; 0 for none. @default 0 */
  readonly rolloutEvery?: number;
}
