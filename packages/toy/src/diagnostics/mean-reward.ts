import { ArgumentError, NonFiniteError } from "@diffusiongym/core";
import type { Numbers } from "../numeric/index.js";

/** A mean with its statistical error. */
export interface MeanEstimate {
  readonly mean: number;
  /** Standard deviation of one value. */
  readonly standardDeviation: number;
  /** Standard deviation of the mean, standardDeviation / sqrt(count). */
  readonly standardError: number;
  /** Values that counted. */
  readonly count: number;
}

/**
 * Mean, standard deviation and standard error.
 * @param values rewards, costs, log weights
 * @param valids 0 leaves a value out @default all count
 * @throws ArgumentError when no value counts, NonFiniteError when one that counts is not finite
 */
export function meanEstimate(values: Numbers, valids?: ArrayLike<number>): MeanEstimate {
  let count = 0;
  let mean = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    if (valids === undefined || valids[i] !== 0) {
      count++;
      const difference = values[i]! - mean;
      mean += difference / count;
      squares += difference * (values[i]! - mean);
    }
  }
  if (count === 0) {
    throw new ArgumentError("meanEstimate: there is no valid value to average.", "values", values.length);
  }
  if (!Number.isFinite(mean)) {
    throw new NonFiniteError(
      "meanEstimate: the values hold NaN or infinity; mark what cannot count as invalid.",
      "values",
    );
  }
  const standardDeviation = Math.sqrt(squares / Math.max(count - 1, 1));
  return { mean, standardDeviation, standardError: standardDeviation / Math.sqrt(count), count };
}
