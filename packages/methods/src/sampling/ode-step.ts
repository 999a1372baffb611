import type { MaybePromise } from "@diffusiongym/core";
import type { TransitionModel } from "../kernels/index.js";

/** The model's output at a state and a time that all samples share. */
export type OutputField<D> = (x: D, t: number) => MaybePromise<D>;

/** One step of an ODE. */
export interface OdeStep<D> {
  readonly x: D;
  readonly from: number;
  readonly to: number;
  readonly field: OutputField<D>;
  readonly model: TransitionModel;
}

/** Takes the steps of one trajectory in order; multistep solvers remember the steps before. */
export type OdeStepper<D> = (step: OdeStep<D>) => Promise<D>;
