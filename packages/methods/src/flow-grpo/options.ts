import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { SurrogateOptions } from "../policy-gradient/index.js";

/**
 * `"exact"` is the KL of a step, |m - m_ref|^2 / (2 var), the sum over the entries; `"flow-grpo"` is that of the public code:
 * the variance without the length of the step, and the mean over the entries.
 */
export type StepKlForm = "exact" | "flow-grpo";

/** Options of `FlowGRPO`. The defaults of several depend on `klForm`. */
export interface FlowGRPOOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends SurrogateOptions<D, C> {
  /** @default "exact" */
  readonly klForm?: StepKlForm;
  /**
   * Subtract the KL that is still to come from the advantage of a step; without it the fixed point is not the tilt, and at
   * lambda = 1 there may be none.
   * @default true; false for "flow-grpo"
   */
  readonly klToGo?: boolean;
  /** `"std"` divides advantages by the standard deviation of the group's rewards. @default "none"; "std" for "flow-grpo" */
  readonly normalization?: "none" | "std";
  /** Largest absolute advantage of the reward. @default Infinity; 5 for "flow-grpo" */
  readonly advantageClip?: number;
}
