import type { Coefficient } from "@diffusiongym/core";

/**
 * A coefficient computed from others, row by row and part by part.
 * @param coefficients as `evaluateBatch` gives them: one number a row, or one a row in each named part
 */
export function combineCoefficients(
  coefficients: readonly Coefficient[],
  f: (...values: number[]) => number,
): Coefficient {
  const first = coefficients[0]!;
  if (typeof first === "number") {
    return f(...(coefficients as readonly number[]));
  }
  if (ArrayBuffer.isView(first)) {
    const arrays = coefficients as readonly Float64Array[];
    return Float64Array.from(first as Float64Array, (_, i) => f(...arrays.map((array) => array[i]!)));
  }
  const records = coefficients as readonly { readonly [part: string]: Float64Array }[];
  return Object.fromEntries(
    Object.keys(first).map((part) => [
      part,
      combineCoefficients(
        records.map((record) => record[part]!),
        f,
      ) as Float64Array,
    ]),
  );
}
