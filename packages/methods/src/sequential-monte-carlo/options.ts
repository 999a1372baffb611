import type { DDTensor, DiffusionData, NoConditioning, ValueFunction } from "@diffusiongym/core";
import type { TransitionKernel } from "../kernels/index.js";
import type { Proposal } from "../samplers/index.js";

/**
 * The log-potential psi(x_k) by which particles are weighed on the way: lambda r(D) of the endpoint D that the base model expects
 * (`"endpoint"`), its largest value so far (`"max"`), the sum of all so far (`"sum"`), nothing (`"none"`), or -V of a value function.
 */
export type Potential<D extends DiffusionData<D>, C extends object> =
  | "none"
  | "endpoint"
  | "max"
  | "sum"
  | { readonly value: ValueFunction<D, C> };

/** Options of `SequentialMonteCarlo`. */
export interface SequentialMonteCarloOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** Particles of a run, K. @default 16 */
  readonly particles?: number;
  /** @default "endpoint" */
  readonly potential?: Potential<D, C>;
  /** Steps between two evaluations of the potential. @default 1 */
  readonly every?: number;
  /** Times between which it is evaluated; r(D) below 0.1 is noise. @default [0.2, 0.9], and [0, 1] for a value function */
  readonly timeRange?: readonly [number, number];
  /** Particles are resampled when the effective sample size falls below this share of K; 0 never, 1 always. @default 0.5 */
  readonly essThreshold?: number;
  /** Who moves the particles; weights make up for the difference to the base model. @default the base model */
  readonly proposal?: Proposal<D, C>;
  /** What `draw` gives of a run: all K particles, resampled by their final weights, or one of them. @default "all" */
  readonly keep?: "all" | "one";
  /** How steps are taken. @default Euler-Maruyama with the environment's noise */
  readonly kernel?: TransitionKernel;
  /** Particles computed at once; does not change any number. @default 8192 */
  readonly rowsAtOnce?: number;
}
