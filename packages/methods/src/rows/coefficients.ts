import {
  type Coefficient,
  coefficientPerSample,
  joinCoefficients,
  joinFloats,
  type PerSample,
} from "@diffusiongym/core";

/** A coefficient times one number a sample. */
export function timesPerSample(coefficient: Coefficient, factors: ArrayLike<number>): Coefficient {
  const multiply = (value: PerSample): PerSample =>
    Float64Array.from(factors, (factor, i) => factor * (typeof value === "number" ? value : value[i]!));
  return typeof coefficient === "number" || ArrayBuffer.isView(coefficient)
    ? multiply(coefficient as PerSample)
    : Object.fromEntries(Object.entries(coefficient).map(([part, value]) => [part, multiply(value)]));
}

/** Coefficients of consecutive batches of n samples each, as one with an entry for every row. */
export function stackCoefficients(coefficients: readonly Coefficient[], n: number): Coefficient {
  return joinCoefficients(coefficients.map((coefficient) => coefficientPerSample(coefficient, n)));
}

/** A number for each of several consecutive batches of n samples, written out for every row. */
export function repeatEach(values: ArrayLike<number>, n: number): Float32Array {
  return joinFloats(Array.from(values, (value) => new Float32Array(n).fill(value)));
}
