import { ShapeError } from "../errors/index.js";
import type { Coefficient, PerSample } from "./protocol.js";

/**
 * The part of a coefficient that belongs to one named part of the data.
 * @param coefficient a number, one number a sample, or a record of these by part name
 * @param part the part's name: `""` for data of one tensor; a nested part `a.b` also answers to `a`
 * @throws ShapeError when the record has no entry for the part
 */
export function coefficientOf(coefficient: Coefficient, part: string): PerSample {
  if (isPerSample(coefficient)) {
    return coefficient;
  }
  const found = coefficient[part] ?? coefficient[part.split(".")[0]!];
  if (found === undefined) {
    throw new ShapeError(
      `No coefficient for part "${part}"; the coefficient has ${Object.keys(coefficient)
        .map((name) => `"${name}"`)
        .join(", ")}.`,
    );
  }
  return found;
}

/** Applies `f` to each part of a coefficient, or to the coefficient itself when it has no parts. */
function mapCoefficient(coefficient: Coefficient, f: (value: PerSample) => PerSample): Coefficient {
  return isPerSample(coefficient)
    ? f(coefficient)
    : Object.fromEntries(Object.entries(coefficient).map(([part, value]) => [part, f(value)]));
}

/** A coefficient times a number. */
export function scaleCoefficient(coefficient: Coefficient, factor: number): Coefficient {
  return mapCoefficient(coefficient, (value) =>
    typeof value === "number" ? value * factor : Float64Array.from(value, (entry) => entry * factor),
  );
}

/** True when every number of a coefficient is 0. */
export function isZeroCoefficient(coefficient: Coefficient): boolean {
  if (isPerSample(coefficient)) {
    return typeof coefficient === "number" ? coefficient === 0 : coefficient.every((value) => value === 0);
  }
  return Object.values(coefficient).every(isZeroCoefficient);
}

/** A coefficient written out as one 32-bit number a sample. */
export function coefficientPerSample(coefficient: Coefficient, n: number): Coefficient {
  return mapCoefficient(coefficient, (value) =>
    typeof value === "number" ? new Float32Array(n).fill(value) : Float32Array.from(value),
  );
}

/** Samples `from` to `to` (excluded) of a coefficient. */
export function sliceCoefficient(coefficient: Coefficient, from: number, to: number): Coefficient {
  return mapCoefficient(coefficient, (value) => (typeof value === "number" ? value : value.slice(from, to)));
}

/** Joins per-sample coefficients of consecutive batches, all of one form. */
export function joinCoefficients(coefficients: readonly Coefficient[]): Coefficient {
  const first = coefficients[0]!;
  if (isPerSample(first)) {
    return joinFloats(coefficients as readonly Float32Array[]);
  }
  return Object.fromEntries(
    Object.keys(first).map((part) => [
      part,
      joinFloats(coefficients.map((coefficient) => coefficientOf(coefficient, part) as Float32Array)),
    ]),
  );
}

/** One array holding the arrays in order. */
export function joinFloats(arrays: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    joined.set(array, offset);
    offset += array.length;
  }
  return joined;
}

function isPerSample(coefficient: Coefficient): coefficient is PerSample {
  return typeof coefficient === "number" || ArrayBuffer.isView(coefficient);
}
