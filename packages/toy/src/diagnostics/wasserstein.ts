import { ArgumentError, RandomKey, ShapeError } from "@diffusiongym/core";
import { type Numbers, requireFinite } from "../numeric/index.js";

/**
 * Wasserstein distance of two samples on the line, exact for the two empirical laws: the L^p distance of their quantile
 * functions. The samples may differ in size.
 * @param order p, at least 1 @default 2
 */
export function wasserstein1d(a: Numbers, b: Numbers, order = 2): number {
  return powerDistance(sorted(a), sorted(b), checkOrder(order)) ** (1 / order);
}

/** How {@link slicedWasserstein} slices. */
export interface SlicedWassersteinOptions {
  /** Coordinates of a point. */
  readonly dimension: number;
  /** Number of random directions. @default 128 */
  readonly directions?: number;
  /** p, at least 1. @default 2 */
  readonly order?: number;
  /** Where the directions come from. @default RandomKey.fromSeed(0) */
  readonly key?: RandomKey;
}

/**
 * Sliced Wasserstein distance of two sets of points: (mean over directions of W_p^p of the projections)^(1/p), Bonneel et
 * al. 2015. In one dimension it is the exact Wasserstein distance.
 * @param a points, `[n, d]`
 * @param b points, `[m, d]`
 */
export function slicedWasserstein(a: Numbers, b: Numbers, options: SlicedWassersteinOptions): number {
  const { dimension: d, directions = 128, order = 2, key = RandomKey.fromSeed(0) } = options;
  if (a.length % d !== 0 || b.length % d !== 0) {
    throw new ShapeError(
      `slicedWasserstein: ${a.length} and ${b.length} numbers are not points in ${d} dimension(s).`,
      [-1, d],
    );
  }
  if (d === 1) {
    return wasserstein1d(a, b, order);
  }
  if (!Number.isInteger(directions) || directions < 1) {
    throw new ArgumentError(
      `directions must be a whole number from 1 on, got ${directions}.`,
      "directions",
      directions,
    );
  }
  checkOrder(order);
  const streams = key.fold("directions").streams();
  let sum = 0;
  for (let slice = 0; slice < directions; slice++) {
    const stream = streams.at(slice);
    const direction = Float64Array.from({ length: d }, () => stream.normal());
    const length = Math.hypot(...direction);
    const projected = [a, b].map((points) => sorted(project(points, direction, length)));
    sum += powerDistance(projected[0]!, projected[1]!, order);
  }
  return (sum / directions) ** (1 / order);
}

function project(points: Numbers, direction: Float64Array, length: number): Float64Array {
  const d = direction.length;
  return Float64Array.from({ length: points.length / d }, (_, i) => {
    let sum = 0;
    for (let a = 0; a < d; a++) {
      sum += points[i * d + a]! * direction[a]!;
    }
    return sum / length;
  });
}

/** Integral over u in [0, 1] of |quantile_a(u) - quantile_b(u)|^p, both step functions. */
function powerDistance(a: Float64Array, b: Float64Array, order: number): number {
  if (a.length === 0 || b.length === 0) {
    throw new ArgumentError("The Wasserstein distance needs at least one point on each side.", "a", a.length);
  }
  let sum = 0;
  let at = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [endA, endB] = [(i + 1) / a.length, (j + 1) / b.length];
    const end = Math.min(endA, endB);
    sum += (end - at) * Math.abs(a[i]! - b[j]!) ** order;
    at = end;
    i += Number(endA <= endB);
    j += Number(endB <= endA);
  }
  return sum;
}

function sorted(values: Numbers): Float64Array {
  return Float64Array.from(requireFinite(values, "The Wasserstein distance")).sort();
}

function checkOrder(order: number): number {
  if (!(order >= 1) || !Number.isFinite(order)) {
    throw new ArgumentError(`order must be a finite number from 1 on, got ${order}.`, "order", order);
  }
  return order;
}
