import type { BaseModel, DiffusionData, MaybePromise } from "@diffusiongym/core";

/** States, and what the output there is multiplied with. */
export interface StateCotangents<D, C> {
  readonly x: D;
  /** Times, shape [n]. */
  readonly t: Float32Array;
  readonly conditioning: C;
  /** Of the structure of x. */
  readonly cotangents: D;
}

/** A base model whose output can be differentiated with respect to the state: `NetworkModel` of `@diffusiongym/nn` is one. */
export interface DifferentiableModel<D extends DiffusionData<D>, C extends object> extends BaseModel<D, C> {
  /** The output at (x, t), and the gradient of <cotangents, output> with respect to x. */
  vjp(batch: StateCotangents<D, C>): MaybePromise<{ readonly output: D; readonly gradient: D }>;
}

/** True when a model's output can be differentiated with respect to the state. */
export function isDifferentiableModel<D extends DiffusionData<D>, C extends object>(
  model: BaseModel<D, C>,
): model is DifferentiableModel<D, C> {
  return typeof (model as Partial<DifferentiableModel<D, C>>).vjp === "function";
}

/** What a base model whose `postprocess` changes the latents (a decoder) must offer to methods that follow the reward's gradient. */
export interface DifferentiablePostprocess<D, C> {
  /** The gradient of <cotangents, postprocess(latent)> with respect to the latents. */
  postprocessVjp(latent: D, conditioning: C, cotangents: D): MaybePromise<D>;
}

/** True when a model says how gradients go back through its `postprocess`. */
export function hasDifferentiablePostprocess<D extends DiffusionData<D>, C extends object>(
  model: BaseModel<D, C>,
): model is BaseModel<D, C> & DifferentiablePostprocess<D, C> {
  return typeof (model as Partial<DifferentiablePostprocess<D, C>>).postprocessVjp === "function";
}
