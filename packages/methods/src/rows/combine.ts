import { type Coefficient, coefficientOf, type PerSample } from "@diffusiongym/core";

/**
 * A coefficient computed from others, row by row and part by part. A number counts for every row, and a coefficient without
 * parts for every part.
 */
export function combineCoefficients(
  coefficients: readonly Coefficient[],
  f: (...values: number[]) => number,
): Coefficient {
  const parted = coefficients.find(
    (coefficient) => typeof coefficient === "object" && !ArrayBuffer.isView(coefficient),
  );
  if (parted !== undefined) {
    return Object.fromEntries(
      Object.keys(parted).map((part) => [
        part,
        combineRows(
          coefficients.map((coefficient) => coefficientOf(coefficient, part)),
          f,
        ),
      ]),
    );
  }
  return combineRows(coefficients as readonly PerSample[], f);
}

function combineRows(coefficients: readonly PerSample[], f: (...values: number[]) => number): PerSample {
  const rows = coefficients.find((coefficient) => typeof coefficient !== "number");
  if (rows === undefined || typeof rows === "number") {
    return f(...(coefficients as readonly number[]));
  }
  return Float64Array.from(rows, (_, i) =>
    f(...coefficients.map((coefficient) => (typeof coefficient === "number" ? coefficient : coefficient[i]!))),
  );
}
