import type { DiffusionData } from "@diffusiongym/core";
import { between } from "../endpoint-regression/index.js";

/** How good samples are, in [0, 1]. */
export interface Optimality {
  /** q = 1/2 + 1/2 clip((r - mean) / Z, -1, 1) of each sample, shape [n]; 1/2 where a sample is invalid. */
  readonly values: Float32Array;
  /** Z. */
  readonly scale: number;
  /** Share of the valid samples with |r - mean| > Z. */
  readonly clippedFraction: number;
}

/**
 * Optimality of a batch (METHODS 1.5).
 * @param centred rewards minus the mean of their group, with the sign that says what is good; shape [n]
 * @param normalization Z: the standard deviation over the whole batch, or the largest absolute value
 */
export function optimality(
  centred: ArrayLike<number>,
  valids: ArrayLike<number>,
  normalization: "std" | "max",
): Optimality {
  const judged = Array.from(centred).filter((_, i) => valids[i] === 1);
  const scale =
    normalization === "max"
      ? judged.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      : Math.sqrt(judged.reduce((sum, value) => sum + value * value, 0) / Math.max(1, judged.length));
  const relative = (value: number): number => (scale > 0 ? Math.min(1, Math.max(-1, value / scale)) : 0);
  return {
    values: Float32Array.from(centred, (value, i) => (valids[i] === 1 ? (1 + relative(value)) / 2 : 0.5)),
    scale,
    clippedFraction: judged.filter((value) => Math.abs(value) > scale).length / Math.max(1, judged.length),
  };
}

/**
 * Where q |out_plus - conditional|^2 + (1 - q) |out_minus - conditional|^2 is least, with out_plus = (1 - nu) out_old + nu out and
 * out_minus = (1 + nu) out_old - nu out: at out_old + (2 q - 1) / nu (conditional - out_old). The loss is nu^2 |out - that|^2 + 4 q (1 -
 * q) |conditional - out_old|^2, so the minimiser is out_old + (2 / nu) Cov(q, conditional | x_t).
 * @param optimalities q of each row
 * @param strength nu
 */
export function negativeAwareTarget<D extends DiffusionData<D>>(
  { old, conditional }: { readonly old: D; readonly conditional: D },
  optimalities: ArrayLike<number>,
  strength: number,
): D {
  return between(
    old,
    conditional,
    Float64Array.from(optimalities, (value) => (2 * value - 1) / strength),
  );
}
