import { ArgumentError } from "@diffusiongym/core";
import type { MixtureParts } from "../mixture/index.js";
import { logNormalDensity, multiply, type Numbers, normalCdf, panelEdges, panelRule } from "../numeric/index.js";
import {
  type CovarianceShape,
  type LogMoment,
  type RewardForm,
  shapeCovariance,
  type TiltedComponent,
} from "./form.js";

/** r(x) = c . x + offset, with L(m) = lambda (c . m + offset) + lambda^2 / 2 c^T P c. */
export class LinearForm implements RewardForm {
  readonly dimension: number;
  readonly infimum = Number.NEGATIVE_INFINITY;
  readonly supremum = Number.POSITIVE_INFINITY;
  readonly jumps = [];
  readonly differentiable = true;

  /**
   * @param direction c, `[d]`, not all zero
   * @param offset constant added to the reward
   */
  constructor(
    readonly direction: Float64Array,
    readonly offset: number,
  ) {
    this.dimension = direction.length;
    requireDirection(direction);
  }

  value(x: Numbers, at: number): number {
    return project(this.direction, x, at) + this.offset;
  }

  gradient(_x: Numbers, _at: number, out: Float64Array): void {
    out.set(this.direction);
  }

  logMoment(rewardScale: number, shape: CovarianceShape): LogMoment {
    const variance = projectedVariance(this.direction, shape);
    const moment = {
      gradient: this.direction.map((entry) => rewardScale * entry),
      expectedReward: 0,
      evaluate: (means: Float64Array, at: number): number => {
        const reward = this.value(means, at);
        moment.expectedReward = reward + rewardScale * variance;
        return rewardScale * (reward + 0.5 * rewardScale * variance);
      },
    };
    return moment;
  }

  tiltComponent(rewardScale: number, mean: Float64Array, shape: CovarianceShape): TiltedComponent {
    const shift = multiply(shapeCovariance(shape), this.direction, new Float64Array(this.dimension));
    return { mean: mean.map((entry, i) => entry + rewardScale * shift[i]!) };
  }

  /** E of the largest of n rewards by Gauss-Legendre panels over the reward's own law, a mixture of normals in 1-D. */
  expectedMaximum(mixture: MixtureParts, n: number): number {
    const { dimension: d } = this;
    const laws = Array.from(mixture.weights, (weight, k) => ({
      weight,
      mean: this.value(mixture.means, k * d),
      deviation: Math.sqrt(projectedVariance(this.direction, { ...mixture, component: k })),
    }));
    const longest = Math.min(...laws.map((law) => law.deviation)) / 2;
    const cumulative = (reward: number): number =>
      laws.reduce((sum, law) => sum + law.weight * normalCdf((reward - law.mean) / law.deviation), 0);
    let expected = 0;
    for (const law of laws) {
      const edges = panelEdges(law.mean - 9 * law.deviation, law.mean + 9 * law.deviation, longest);
      const { nodes, weights } = panelRule(edges);
      nodes.forEach((reward, j) => {
        const density = Math.exp(logNormalDensity((reward - law.mean) / law.deviation)) / law.deviation;
        expected += weights[j]! * law.weight * density * n * cumulative(reward) ** (n - 1) * reward;
      });
    }
    return expected;
  }
}

/** @throws ArgumentError when every entry is 0 */
export function requireDirection(direction: Float64Array): void {
  if (direction.every((entry) => entry === 0)) {
    throw new ArgumentError("direction is zero in every coordinate; the reward would be a constant.", "direction", [
      ...direction,
    ]);
  }
}

/** c . x for the entries of x from `at`. */
export function project(direction: Float64Array, x: Numbers, at: number): number {
  let sum = 0;
  for (let i = 0; i < direction.length; i++) {
    sum += direction[i]! * x[at + i]!;
  }
  return sum;
}

/** c^T P c. */
export function projectedVariance(direction: Float64Array, shape: CovarianceShape): number {
  const d = direction.length;
  const image = multiply(shapeCovariance(shape), direction, new Float64Array(d));
  return Math.max(project(direction, image, 0), 0);
}
