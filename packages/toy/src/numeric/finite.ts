import { NonFiniteError } from "@diffusiongym/core";
import type { Numbers } from "./vectors.js";

/**
 * The numbers themselves, when all are finite: a diagnostic that counts or sorts would otherwise answer as if NaN were a place.
 * @param source what they are, for the message
 * @throws NonFiniteError with the first that is not
 */
export function requireFinite(values: Numbers, source: string): Numbers {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new NonFiniteError(`${source}: number ${bad} is ${values[bad]}; finite numbers are needed.`, source);
  }
  return values;
}
