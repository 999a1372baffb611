import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { PooledOptions } from "../endpoint-regression/index.js";

/** Where the weights of later pools come from. */
export type TiltWeights = "path" | "reward" | "none";

/** Options of `PathWeightedTiltMatching`. */
export interface PathWeightedTiltMatchingOptions<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends PooledOptions<D, C> {
  /**
   * `"path"`: later pools are rolled out by the SDE, and each path knows its probability under the base model, so that errors of
   * the policy are repaired. `"reward"`: later pools are drawn by the flow and taken for exact tilts (MBAR), for models of which
   * no SDE can be run. `"none"`: only the newest pool counts, each round tilting the last one further: iterated weighted
   * flow matching, which inherits every error.
   * @default "path"
   */
  readonly weights?: TiltWeights;
  /**
   * How the base model's pool is drawn. Where the flow and the SDE of the base model differ in law, as those of a learned model
   * may, `"sde"` makes it the law that the later pools are weighted to.
   * @default "ode"
   */
  readonly baseSampler?: "ode" | "sde";
  /** Effective samples that a step of the ladder must keep; at least 200 for large models. @default 2000 */
  readonly ladderEss?: number;
  /** Effective samples below which a round is not worth fitting, and the run stops. @default 200 */
  readonly leastEss?: number;
  /** Pools whose effective sample size is below this share of them are left out; .01 for large models. @default 0 */
  readonly leastEssFraction?: number;
  /** Standard errors by which the mean rewards that two pools estimate may differ before the run stops. @default 5 */
  readonly consistencyLimit?: number;
}
