import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { TransitionKernel } from "../kernels/index.js";
import type { PolicyMethodOptions } from "../training/index.js";
import type { AdjointIndex } from "./lean-adjoint.js";

/** Options of `AdjointMatching`. */
export interface AdjointMatchingOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends PolicyMethodOptions<D, C> {
  /**
   * `"next"` matches a step to the adjoint after it, which is exact for the chain of steps; `"current"` to the adjoint before
   * it, as public code does, and is under-tilted on coarse grids (.88 lambda at 20 steps, .95 at 50, for Gaussians).
   * @default "next"
   */
  readonly adjointIndex?: AdjointIndex;
  /** Steps that enter the loss of an iteration: half from the first 60 % of the trajectory, half from the rest. @default all */
  readonly lossSteps?: number;
  /**
   * Leaves out the terms whose root exceeds this quantile (smoothed over iterations), as public code does with .9. Between
   * separated modes that removes the very paths that carry the signal.
   * @default none
   */
  readonly clipQuantile?: number;
  /** How steps are taken: `ancestralKernel()` in place of Euler-Maruyama. @default the environment's noise */
  readonly kernel?: TransitionKernel;
}
