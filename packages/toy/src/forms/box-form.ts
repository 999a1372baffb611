import { ArgumentError } from "@diffusiongym/core";
import type { MixtureParts } from "../mixture/index.js";
import { correlatedBoxProbability, logNormalDensity, logNormalInterval, type Numbers } from "../numeric/index.js";
import { type CovarianceShape, type LogMoment, type RewardForm, shapeCovariance } from "./form.js";
import { expectedMaximumOfIndicator, refuseGradient } from "./half-space-form.js";
import { indicatorLogMoment, indicatorSlope } from "./indicator-moment.js";

/** log P(inside) of a box under a Gaussian; fills the derivative of P with respect to the mean. */
type BoxProbability = (means: Float64Array, at: number, derivative: Float64Array) => number;

/**
 * r(x) = 1 where lower <= x <= upper in every coordinate, else 0; sides may be infinite. Exact for diagonal covariances
 * in any dimension and for full ones in two.
 */
export class BoxForm implements RewardForm {
  readonly dimension: number;
  readonly infimum = 0;
  readonly supremum = 1;
  readonly jumps: readonly number[];
  readonly differentiable = false;

  constructor(
    readonly lower: Float64Array,
    readonly upper: Float64Array,
  ) {
    this.dimension = lower.length;
    const bad = lower.findIndex((bound, i) => !(bound < upper[i]!));
    if (bad >= 0) {
      throw new ArgumentError(
        `The box is empty: lower ${lower[bad]} is not below upper ${upper[bad]} in coordinate ${bad}.`,
        "lower",
        Array.from(lower),
      );
    }
    this.jumps = this.dimension === 1 ? [lower[0]!, upper[0]!] : [];
  }

  value(x: Numbers, at: number): number {
    for (let i = 0; i < this.dimension; i++) {
      if (!(x[at + i]! >= this.lower[i]! && x[at + i]! <= this.upper[i]!)) {
        return 0;
      }
    }
    return 1;
  }

  gradient(): never {
    return refuseGradient("a box");
  }

  logMoment(rewardScale: number, shape: CovarianceShape): LogMoment {
    const derivative = new Float64Array(this.dimension);
    const first = shape.component * this.dimension;
    const variances = shape.variances.subarray(first, first + this.dimension);
    const certain = variances.every((variance) => variance === 0);
    const probability =
      shape.axes === undefined ? this.#diagonal(variances) : certain ? undefined : this.#correlated(shape);
    const moment = {
      gradient: new Float64Array(this.dimension),
      expectedReward: 0,
      evaluate: (means: Float64Array, at: number): number => {
        if (certain || probability === undefined) {
          moment.expectedReward = this.value(means, at);
          return rewardScale * moment.expectedReward;
        }
        const logInside = probability(means, at, derivative);
        const value = indicatorLogMoment(rewardScale, { logInside, logOutside: Math.log(-Math.expm1(logInside)) });
        const slope = indicatorSlope(rewardScale, 0, value);
        for (let i = 0; i < this.dimension; i++) {
          moment.gradient[i] = slope * derivative[i]!;
        }
        moment.expectedReward = Math.exp(rewardScale + logInside - value);
        return value;
      },
    };
    return moment;
  }

  expectedMaximum(mixture: MixtureParts, n: number): number {
    return expectedMaximumOfIndicator(this, mixture, n);
  }

  #diagonal(variances: Float64Array): BoxProbability {
    const deviations = variances.map(Math.sqrt);
    const logSides = new Float64Array(this.dimension);
    return (means, at, derivative) => {
      let total = 0;
      for (let i = 0; i < this.dimension; i++) {
        const below = (this.lower[i]! - means[at + i]!) / deviations[i]!;
        const above = (this.upper[i]! - means[at + i]!) / deviations[i]!;
        logSides[i] = logNormalInterval(below, above);
        derivative[i] = (Math.exp(logNormalDensity(below)) - Math.exp(logNormalDensity(above))) / deviations[i]!;
        total += logSides[i]!;
      }
      for (let i = 0; i < this.dimension; i++) {
        let others = 0;
        for (let j = 0; j < this.dimension; j++) {
          others += j === i ? 0 : logSides[j]!;
        }
        derivative[i]! *= Math.exp(others);
      }
      return total;
    };
  }

  #correlated(shape: CovarianceShape): BoxProbability {
    if (this.dimension !== 2) {
      throw new ArgumentError(
        `A box reward is exact for diagonal covariances, or for full ones in 2 dimensions; this mixture has full ones in ${this.dimension}. Use standardDeviations, or a half-space.`,
        "reward",
      );
    }
    const covariance = shapeCovariance(shape);
    return (means, at, derivative) =>
      Math.log(correlatedBoxProbability(means.subarray(at, at + 2), covariance, this, derivative));
  }
}
