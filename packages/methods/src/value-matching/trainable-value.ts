import type { DiffusionData, ValueFunction } from "@diffusiongym/core";
import type { Parameters } from "@diffusiongym/nn";

/** One regression problem: fit V(x_i, t_i) to a target with a weight. */
export interface ValueRegression<D, C> {
  /** States, n rows. */
  readonly x: D;
  /** Times, shape [n]. */
  readonly t: Float32Array;
  readonly conditioning: C;
  /** Targets, shape [n]. */
  readonly targets: Float32Array;
  /** Weights >= 0, shape [n]. */
  readonly weights: Float32Array;
  /** Add to the gradients that are there, for a problem that is worked through in parts. @default false */
  readonly accumulate?: boolean;
}

/**
 * A value function with parameters: all that value matching asks of a network. `ValueNetwork` of `@diffusiongym/nn` is
 * one for any data type.
 */
export interface TrainableValue<D extends DiffusionData<D>, C extends object> extends ValueFunction<D, C> {
  readonly network: {
    /** What is trained. */
    readonly parameters: Parameters;
    /** Where `regress` leaves the gradients. */
    readonly gradients: Parameters;
    /** What is computed, where that can be said; a checkpoint is only taken up by a value function that computes the same. */
    readonly graph?: { readonly nodes: readonly unknown[] };
  };
  /**
   * Computes sum_i w_i (V(x_i, t_i) - target_i)^2 and leaves its gradient in `network.gradients`.
   * @returns the loss, and V at every row where metrics are to say how well it fits
   */
  regress(problem: ValueRegression<D, C>): Promise<{ readonly loss: number; readonly values?: Float32Array }>;
}
