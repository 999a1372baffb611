import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { EndpointOptions } from "../endpoint-regression/index.js";

/** Options of `DiffusionNft`. */
export interface DiffusionNftOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends EndpointOptions<D, C> {
  /** nu (beta in the paper): a step goes 1 / nu as far as the optimality says. 0.1 is aggressive. @default 1 */
  readonly strength?: number;
  /** Consecutive samples that share a condition, compared with each other only; 0 for the whole batch. @default 0 */
  readonly groupSize?: number;
  /** Z, by which rewards are divided: their standard deviation over the batch, or the largest. @default "std" */
  readonly normalization?: "std" | "max";
  /** Updates on each batch of endpoints, each with fresh noise. @default 1 */
  readonly updatesPerIteration?: number;
  /** gamma in old = gamma old + (1 - gamma) policy after an iteration; 0 replaces it. @default min(0.001 iteration, 0.5) */
  readonly oldDecay?: number | ((iteration: number) => number);
  /** Factor of |v_theta - v_ref|^2, which gives the method a place to stop. @default 0 */
  readonly referencePenalty?: number;
  /**
   * `"velocity"` weighs every time alike; `"endpoint-error"` is the paper's, squared error of the endpoint over its mean absolute
   * value, which depends on the sample and so shifts the minimiser.
   * @default "velocity"
   */
  readonly weighting?: "velocity" | "endpoint-error";
}
