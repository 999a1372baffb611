import type { NoConditioning } from "../conditioning/index.js";
import type { DDTensor, DiffusionData } from "../data/index.js";
import type { MaybePromise } from "../models/index.js";

/** The step in which a policy acts. */
export interface PolicyStep<D> {
  /** Number of the step, from 0. */
  readonly index: number;
  /** Time at the start of the step. */
  readonly time: number;
  /** Length of the step, or undefined when a drift is asked for outside a rollout. */
  readonly dt: number | undefined;
  /** The base model's output at (x, t): computed at most once a step. */
  baseOutput(): Promise<D>;
  /** The base model's drift at (x, t) under the sampling noise in use. */
  baseDrift(): Promise<D>;
}

/**
 * Replaces the base model's forward: the same output type, adapted. Any `BaseModel` is a policy.
 */
export interface Policy<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /**
   * The adapted output at (x, t).
   * @param x states, n samples
   * @param t times, shape [n]
   */
  forward(x: D, t: Float32Array, conditioning: C, step: PolicyStep<D>): MaybePromise<D>;
}

/**
 * A control u(x, t) of the memoryless process dX = (b + sigma u) dt + sigma dB. Under another sampling noise the same
 * control means the same adapted velocity field (DECISIONS 1).
 */
export interface ControlPolicy<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** u at (x, t), of the structure of x. */
  control(x: D, t: Float32Array, conditioning: C, step: PolicyStep<D>): MaybePromise<D>;
}
