import { ArgumentError } from "@diffusiongym/core";
import type { Parameters } from "../parameters/index.js";
import { nonFinite } from "./optimizer.js";

/**
 * Euclidean norm of all gradients together.
 * @throws NonFiniteError naming the parameter, when a gradient is NaN or infinite
 */
export function globalNorm(gradients: Parameters): number {
  const { data } = gradients;
  let sum = 0;
  for (let i = 0; i < data.length; i++) {
    sum += data[i]! * data[i]!;
  }
  // The square of a float32 fits into a double and so does the sum of as many as memory holds.
  if (!Number.isFinite(sum)) {
    throw nonFinite(gradients);
  }
  return Math.sqrt(sum);
}

/**
 * Scales gradients in place so that their norm together is at most `maxNorm`; their direction stays.
 * @param maxNorm > 0
 * @returns the norm before clipping, for logs
 * @throws NonFiniteError when a gradient is NaN or infinite, and changes nothing then
 */
export function clipGlobalNorm(gradients: Parameters, maxNorm: number): number {
  if (!(maxNorm > 0)) {
    throw new ArgumentError(`clipGlobalNorm: maxNorm must be > 0, got ${maxNorm}.`, "maxNorm", maxNorm);
  }
  const norm = globalNorm(gradients);
  if (norm > maxNorm) {
    const { data } = gradients;
    const factor = maxNorm / norm;
    for (let i = 0; i < data.length; i++) {
      data[i] = data[i]! * factor;
    }
  }
  return norm;
}
