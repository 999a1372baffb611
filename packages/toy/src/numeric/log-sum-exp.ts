import type { Numbers } from "./vectors.js";

/** log sum_i exp(values_i) without overflow; -Infinity for an empty list or when every value is -Infinity. */
export function logSumExp(values: Numbers): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    largest = Math.max(largest, values[i]!);
  }
  if (!Number.isFinite(largest)) {
    return largest;
  }
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += Math.exp(values[i]! - largest);
  }
  return largest + Math.log(sum);
}
