import type { DiffusionData } from "@diffusiongym/core";

/** Outputs at some rows, all of one output type. */
export interface ReinforceOutputs<D> {
  /** The base model's. */
  readonly reference: D;
  /** The policy's, of which no gradient is taken. */
  readonly output: D;
  /** The ideal output for the pair of endpoint and noise: u_c, x1, x0 or -x0 / beta. */
  readonly conditional: D;
}

/**
 * out_ref + A (conditional - out_theta) (METHODS 1.13). With A = lambda (r - E[r | x_t]) its mean given x_t is out_ref + lambda
 * Cov(r, conditional | x_t).
 * @param advantages A of each row
 */
export function reinforceTarget<D extends DiffusionData<D>>(
  { reference, output, conditional }: ReinforceOutputs<D>,
  advantages: ArrayLike<number>,
): D {
  const own = Float64Array.from(advantages);
  return reference.linearCombination(1, [
    [own, conditional],
    [own.map((value) => -value), output],
  ]);
}
