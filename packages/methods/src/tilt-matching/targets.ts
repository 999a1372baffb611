import type { DiffusionData } from "@diffusiongym/core";
import { between } from "../endpoint-regression/index.js";

/** Outputs at some rows, all of one output type. */
export interface TiltOutputs<D> {
  /** The output of the stage before, at (x_t, t). */
  readonly old: D;
  /** The ideal output for the pair of endpoint and noise: u_c, x1, x0 or -x0 / beta. */
  readonly conditional: D;
}

/**
 * Implicit tilt matching: out_old + (w - 1) (conditional - out_theta), w = exp(h (r - c)). A policy that agrees with its own
 * target has E_old[w conditional | x_t] / E_old[w | x_t]: the tilt by h, for every h and c (METHODS 1.14).
 * @param output the policy's output, of which no gradient is taken
 * @param weights w of each row
 */
export function implicitTarget<D extends DiffusionData<D>>(
  { old, conditional }: TiltOutputs<D>,
  output: D,
  weights: ArrayLike<number>,
): D {
  const excess = Float64Array.from(weights, (weight) => weight - 1);
  return old.linearCombination(1, [
    [excess, conditional],
    [excess.map((value) => -value), output],
  ]);
}

/**
 * Explicit tilt matching: out_old + h (r - mean r) (conditional - out_old), whose mean is out_old + h Cov_old(r, conditional |
 * x_t), a forward Euler step of the tilt: it over-tilts (METHODS 1.14).
 * @param advantages h (r - mean r) of each row
 */
export function explicitTarget<D extends DiffusionData<D>>(
  { old, conditional }: TiltOutputs<D>,
  advantages: ArrayLike<number>,
): D {
  return between(old, conditional, advantages);
}
