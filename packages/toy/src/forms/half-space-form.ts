import { ArgumentError } from "@diffusiongym/core";
import type { MixtureParts } from "../mixture/index.js";
import { logNormalCdf, logNormalDensity, type Numbers } from "../numeric/index.js";
import type { CovarianceShape, LogMoment, RewardForm } from "./form.js";
import { indicatorLogMoment, indicatorSlope } from "./indicator-moment.js";
import { project, projectedVariance, requireDirection } from "./linear-form.js";

/** r(x) = 1 where c . x > threshold, else 0. Its probability under N(m, P) is Phi((c . m - threshold) / sqrt(c^T P c)). */
export class HalfSpaceForm implements RewardForm {
  readonly dimension: number;
  readonly infimum = 0;
  readonly supremum = 1;
  readonly jumps: readonly number[];
  readonly differentiable = false;

  /** @param direction c, `[d]`, not all zero */
  constructor(
    readonly direction: Float64Array,
    readonly threshold: number,
  ) {
    this.dimension = direction.length;
    requireDirection(direction);
    this.jumps = this.dimension === 1 ? [threshold / direction[0]!] : [];
  }

  value(x: Numbers, at: number): number {
    return project(this.direction, x, at) > this.threshold ? 1 : 0;
  }

  gradient(): never {
    return refuseGradient("a half-space");
  }

  logMoment(rewardScale: number, shape: CovarianceShape): LogMoment {
    const deviation = Math.sqrt(projectedVariance(this.direction, shape));
    const moment = {
      gradient: new Float64Array(this.dimension),
      expectedReward: 0,
      evaluate: (means: Float64Array, at: number): number => {
        if (deviation === 0) {
          moment.expectedReward = this.value(means, at);
          return rewardScale * moment.expectedReward;
        }
        const distance = (project(this.direction, means, at) - this.threshold) / deviation;
        const logInside = logNormalCdf(distance);
        const value = indicatorLogMoment(rewardScale, { logInside, logOutside: logNormalCdf(-distance) });
        const slope = indicatorSlope(rewardScale, logNormalDensity(distance), value) / deviation;
        for (let i = 0; i < this.dimension; i++) {
          moment.gradient[i] = slope * this.direction[i]!;
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
}

/** P(at least one of n draws is inside). */
export function expectedMaximumOfIndicator(form: RewardForm, mixture: MixtureParts, n: number): number {
  let inside = 0;
  mixture.weights.forEach((weight, k) => {
    const moment = form.logMoment(0, { ...mixture, component: k });
    moment.evaluate(mixture.means, k * form.dimension, false);
    inside += weight * moment.expectedReward;
  });
  return -Math.expm1(n * Math.log1p(-inside));
}

/** @throws ArgumentError always: an indicator's gradient is zero almost everywhere and infinite at its border */
export function refuseGradient(what: string): never {
  throw new ArgumentError(
    `The reward is the indicator of ${what}: its gradient is zero almost everywhere, so nothing can be learned from it. Use a method for black-box rewards (value matching), or a smooth reward.`,
    "reward",
  );
}
