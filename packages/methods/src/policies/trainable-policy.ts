import type { Coefficient, DiffusionData, MaybePromise, OutputType } from "@diffusiongym/core";
import type { Parameters } from "@diffusiongym/nn";
import type { Json } from "../method/index.js";

/** Where a policy that is built on the base model gets the base model's output from, when somebody already has it. */
export interface BaseOutputSource<D> {
  /** The base model's output at the same (x, t). */
  baseOutput(): MaybePromise<D>;
}

/** States at which a policy is evaluated. */
export interface PolicyRows<D, C> {
  /** States, n rows. */
  readonly x: D;
  /** Times, shape [n]. */
  readonly t: Float32Array;
  readonly conditioning: C;
  /** The base model's output there, which saves a policy built on it from running it again. @default computed */
  readonly reference?: D;
}

/** A regression of a policy's output. */
export interface PolicyRegression<D, C> extends PolicyRows<D, C> {
  /** What the output should be. */
  readonly targets: D;
  /** Weight of each row, shape [n], or of each row in each part of the data. */
  readonly weights: Coefficient;
  /** Add to the gradients that are there. @default false */
  readonly accumulate?: boolean;
}

/** The derivative of a loss with respect to a policy's output. */
export interface PolicyCotangents<D, C> extends PolicyRows<D, C> {
  /** d loss / d out, of the structure of x. */
  readonly cotangents: D;
  /** Add to the gradients that are there. @default false */
  readonly accumulate?: boolean;
}

/**
 * A model with parameters that takes the base model's place: the same output type, trained through the derivative of a
 * loss with respect to its output. Set it as `environment.policy` to sample from it.
 *
 * `ModelPolicy` is a network model of its own (a full copy, a LoRA copy); `ResidualPolicy` adds a network to any base model.
 */
export interface TrainablePolicy<D extends DiffusionData<D>, C extends object> {
  readonly outputType: OutputType;
  /** What is trained. */
  readonly parameters: Parameters;
  /** Where `regress` and `backward` leave the gradients. */
  readonly gradients: Parameters;
  /** The output at (x, t). */
  forward(x: D, t: Float32Array, conditioning: C, step?: BaseOutputSource<D>): Promise<D>;
  /** Computes sum_i w_i |out_i - target_i|^2, summed over the entries of a sample, and leaves its gradient in `gradients`. */
  regress(batch: PolicyRegression<D, C>): Promise<{ readonly loss: number; readonly output: D }>;
  /** Leaves the gradient of <cotangents, out> with respect to the parameters in `gradients`. */
  backward(batch: PolicyCotangents<D, C>): Promise<{ readonly output: D }>;
  /** True when `vjp` works. */
  readonly isDifferentiable: boolean;
  /**
   * The output and the gradient of <cotangents, out> with respect to x.
   * @throws IncompatibleError when a part of the policy is not differentiable
   */
  vjp(batch: PolicyCotangents<D, C>): Promise<{ readonly output: D; readonly gradient: D }>;
  /** The policy under other parameters (a running average, a copy to keep), sharing what is compiled. */
  withParameters(parameters: Parameters): TrainablePolicy<D, C>;
  /** What identifies the policy in a checkpoint, apart from its parameters' values. */
  describe(): Json;
}
