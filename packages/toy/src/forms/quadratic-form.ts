import { ArgumentError } from "@diffusiongym/core";
import { dot, multiply, type Numbers, symmetricEigen } from "../numeric/index.js";
import { type CovarianceShape, type LogMoment, type RewardForm, shapeFactor, type TiltedComponent } from "./form.js";

/**
 * r(x) = -1/2 (x - y)^T A (x - y). A may be indefinite as long as I + lambda P A stays positive definite.
 *
 * With P = F F^T and M = I + lambda F^T A F: the tilted covariance is P* = F M^-1 F^T, the tilted mean
 * m* = m - lambda P* A (m - y), and L = -1/2 log det M - lambda/2 (m - y)^T A (m* - y). No inverse of P is taken, so P = 0
 * is allowed.
 */
export class QuadraticForm implements RewardForm {
  readonly dimension: number;
  readonly infimum: number;
  readonly supremum: number;
  readonly jumps = [];
  readonly differentiable = true;

  /**
   * @param centre y, `[d]`
   * @param matrix A, symmetric, row-major `[d, d]`
   */
  constructor(
    readonly centre: Float64Array,
    readonly matrix: Float64Array,
  ) {
    this.dimension = centre.length;
    const { values } = symmetricEigen(matrix, this.dimension);
    this.supremum = values.every((value) => value >= 0) ? 0 : Number.POSITIVE_INFINITY;
    this.infimum = values.every((value) => value <= 0) ? 0 : Number.NEGATIVE_INFINITY;
  }

  value(x: Numbers, at: number): number {
    const away = this.centre.map((entry, i) => x[at + i]! - entry);
    return -0.5 * dot(away, multiply(this.matrix, away, new Float64Array(this.dimension)));
  }

  gradient(x: Numbers, at: number, out: Float64Array): void {
    const away = this.centre.map((entry, i) => entry - x[at + i]!);
    multiply(this.matrix, away, out);
  }

  logMoment(rewardScale: number, shape: CovarianceShape): LogMoment {
    const d = this.dimension;
    const { tilted, logDeterminant } = this.#tilt(rewardScale, shape);
    const product = new Float64Array(d);
    let trace = 0;
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < d; j++) {
        trace += this.matrix[i * d + j]! * tilted[j * d + i]!;
      }
    }
    const away = new Float64Array(d);
    const image = new Float64Array(d);
    const moment = {
      gradient: new Float64Array(d),
      expectedReward: 0,
      evaluate: (means: Float64Array, at: number): number => {
        for (let i = 0; i < d; i++) {
          away[i] = means[at + i]! - this.centre[i]!;
        }
        multiply(this.matrix, away, image);
        multiply(tilted, image, product);
        // product becomes m* - y, the tilted mean's distance from the centre
        for (let i = 0; i < d; i++) {
          product[i] = away[i]! - rewardScale * product[i]!;
        }
        const energy = dot(image, product);
        multiply(this.matrix, product, image);
        for (let i = 0; i < d; i++) {
          moment.gradient[i] = -rewardScale * image[i]!;
        }
        moment.expectedReward = -0.5 * (trace + dot(product, image));
        return -0.5 * (logDeterminant + rewardScale * energy);
      },
    };
    return moment;
  }

  tiltComponent(rewardScale: number, mean: Float64Array, shape: CovarianceShape): TiltedComponent {
    const { tilted } = this.#tilt(rewardScale, shape);
    const away = mean.map((entry, i) => entry - this.centre[i]!);
    const pull = multiply(this.matrix, away, new Float64Array(this.dimension));
    const shift = multiply(tilted, pull, new Float64Array(this.dimension));
    return { mean: mean.map((entry, i) => entry - rewardScale * shift[i]!), covariance: tilted };
  }

  /** P* and log det M, from the eigenvectors of M. */
  #tilt(rewardScale: number, shape: CovarianceShape): { tilted: Float64Array; logDeterminant: number } {
    const d = this.dimension;
    const factor = shapeFactor(shape);
    const inner = new Float64Array(d * d);
    for (let a = 0; a < d; a++) {
      const column = factor.filter((_, j) => j % d === a);
      const image = multiply(this.matrix, column, new Float64Array(d));
      for (let b = 0; b < d; b++) {
        inner[a * d + b] = Number(a === b);
        for (let i = 0; i < d; i++) {
          inner[a * d + b]! += rewardScale * image[i]! * factor[i * d + b]!;
        }
      }
    }
    const { values, vectors } = symmetricEigen(inner, d);
    if (values.some((value) => !(value > 0))) {
      throw new ArgumentError(
        `The quadratic reward with rewardScale ${rewardScale} outgrows the mixture's tails: E[exp(rewardScale * r)] is infinite. Use a smaller rewardScale or a positive definite precision.`,
        "rewardScale",
        rewardScale,
      );
    }
    const tilted = new Float64Array(d * d);
    let logDeterminant = 0;
    for (let a = 0; a < d; a++) {
      const axis = vectors.filter((_, j) => j % d === a);
      const image = multiply(factor, axis, new Float64Array(d));
      logDeterminant += Math.log(values[a]!);
      for (let j = 0; j < d * d; j++) {
        tilted[j]! += (image[Math.floor(j / d)]! * image[j % d]!) / values[a]!;
      }
    }
    return { tilted, logDeterminant };
  }
}
