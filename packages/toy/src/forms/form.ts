import { ArgumentError, ShapeError } from "@diffusiongym/core";
import type { MixtureParts } from "../mixture/index.js";
import type { Numbers } from "../numeric/index.js";

/** A covariance U diag(variances) U^T, taken from component `k` of a mixture's arrays. */
export interface CovarianceShape extends Pick<MixtureParts, "dimension" | "variances" | "axes"> {
  readonly component: number;
}

/**
 * L(m) = log E[exp(lambda r(x))] for x ~ N(m, P) with P and lambda fixed, and what its derivatives say. Everything exact
 * about a tilted mixture is a sum of these over its components.
 */
export interface LogMoment {
  /** dL/dm at the mean last evaluated, `[d]`; filled only when it was asked for. */
  readonly gradient: Float64Array;
  /** dL/dlambda at the mean last evaluated: the expected reward under the tilted component. */
  readonly expectedReward: number;
  /**
   * L at a mean.
   * @param means the mean is the d entries from `at`
   * @param wantGradient fill `gradient` too
   */
  evaluate(means: Float64Array, at: number, wantGradient: boolean): number;
}

/** A Gaussian, as the tilt of a Gaussian by a linear or quadratic reward is again one. */
export interface TiltedComponent {
  /** `[d]`. */
  readonly mean: Float64Array;
  /** Row-major `[d, d]`; left out when the covariance does not change. */
  readonly covariance?: Float64Array;
}

/** A reward r(x) on R^d whose exponential moments under Gaussians are known, in closed form or by quadrature. */
export interface RewardForm {
  readonly dimension: number;
  /** Bounds of r; infinite where it has none. */
  readonly infimum: number;
  readonly supremum: number;
  /** Where r jumps, in one dimension; quadrature must not step over these. */
  readonly jumps: readonly number[];
  /** True when r has a gradient; an indicator has none that says anything. */
  readonly differentiable: boolean;
  /** r at the d entries of x from `at`. */
  value(x: Numbers, at: number): number;
  /** Gradient of r at the d entries of x from `at`, into `out`. */
  gradient(x: Numbers, at: number, out: Float64Array): void;
  /** Log-moments for one covariance and reward scale lambda. */
  logMoment(rewardScale: number, shape: CovarianceShape): LogMoment;
  /** The tilted component, where it is a Gaussian again. */
  tiltComponent?(rewardScale: number, mean: Float64Array, shape: CovarianceShape): TiltedComponent;
  /** Expected maximum over n draws from a mixture, where there is a closed form or an accurate quadrature. */
  expectedMaximum?(mixture: MixtureParts, n: number): number;
}

/** Entry i of eigenvector `a` of the shape. */
export function shapeAxis(shape: CovarianceShape, i: number, a: number): number {
  const { dimension: d, axes, component } = shape;
  return axes === undefined ? Number(i === a) : axes[(component * d + i) * d + a]!;
}

/** F with P = F F^T: eigenvectors times the root of the variances, row-major `[d, d]`. */
export function shapeFactor(shape: CovarianceShape): Float64Array {
  const { dimension: d, variances, component } = shape;
  const factor = new Float64Array(d * d);
  for (let i = 0; i < d; i++) {
    for (let a = 0; a < d; a++) {
      factor[i * d + a] = shapeAxis(shape, i, a) * Math.sqrt(variances[component * d + a]!);
    }
  }
  return factor;
}

/** P, row-major `[d, d]`. */
export function shapeCovariance(shape: CovarianceShape): Float64Array {
  const d = shape.dimension;
  const factor = shapeFactor(shape);
  const covariance = new Float64Array(d * d);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      for (let a = 0; a < d; a++) {
        covariance[i * d + j]! += factor[i * d + a]! * factor[j * d + a]!;
      }
    }
  }
  return covariance;
}

/**
 * A vector option: a number means the same in every coordinate.
 * @param allowInfinite infinite entries are fine, as for the sides of a box @default false
 * @throws ShapeError, ArgumentError with the option's name
 */
export function vectorOption(
  name: string,
  value: number | readonly number[],
  dimension: number,
  allowInfinite = false,
): Float64Array {
  if (typeof value !== "number" && (typeof value !== "object" || typeof value?.length !== "number")) {
    throw new ArgumentError(`${name} must be a number or an array of numbers, got ${String(value)}.`, name, value);
  }
  const entries = typeof value === "number" ? Array.from({ length: dimension }, () => value) : Array.from(value);
  if (entries.length !== dimension) {
    throw new ShapeError(
      `${name} has ${entries.length} entries but the data has ${dimension} coordinate(s); give that many, or one number for all.`,
      [dimension],
      [entries.length],
    );
  }
  const bad = entries.find(
    (entry) => typeof entry !== "number" || (allowInfinite ? Number.isNaN(entry) : !Number.isFinite(entry)),
  );
  if (bad !== undefined) {
    throw new ArgumentError(`${name} must hold finite numbers, got ${bad}.`, name, value);
  }
  return Float64Array.from(entries);
}
