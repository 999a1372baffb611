import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { type Numbers, requireFinite } from "../numeric/index.js";

/**
 * Fraction of points nearest to each centre, in Euclidean distance; ties go to the first.
 * @param points `[n, d]`
 * @param centres `[m, d]`
 * @returns `[m]`, summing to 1
 */
export function modeWeights(points: Numbers, centres: Numbers, dimension: number): Float64Array {
  const d = dimension;
  const [n, count] = [points.length / d, centres.length / d];
  if (!Number.isInteger(n) || !Number.isInteger(count) || n === 0 || count === 0) {
    throw new ShapeError(
      `modeWeights: ${points.length} and ${centres.length} numbers are not points and centres in ${d} dimension(s).`,
      [-1, d],
      [points.length],
    );
  }
  requireFinite(points, "modeWeights, points");
  const weights = new Float64Array(count);
  for (let i = 0; i < n; i++) {
    let nearest = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let j = 0; j < count; j++) {
      let distance = 0;
      for (let a = 0; a < d; a++) {
        distance += (points[i * d + a]! - centres[j * d + a]!) ** 2;
      }
      if (distance < least) {
        least = distance;
        nearest = j;
      }
    }
    weights[nearest]! += 1 / n;
  }
  return weights;
}

/** Total-variation distance of two discrete laws, 1/2 sum |a - b|. */
export function totalVariation(a: Numbers, b: Numbers): number {
  if (a.length !== b.length) {
    throw new ArgumentError(`totalVariation: ${a.length} weights against ${b.length}.`, "b", b.length);
  }
  let sum = 0;
  for (let j = 0; j < a.length; j++) {
    sum += Math.abs(a[j]! - b[j]!);
  }
  return sum / 2;
}
