import { panelEdges, panelRule } from "./gauss-legendre.js";
import { logNormalDensity, logNormalInterval } from "./normal-distribution.js";

const reach = 9;

/** A normal law of one coordinate given another, x_2 | x_1, for a 2-D Gaussian with covariance [[a, b], [b, c]]. */
interface Conditional {
  readonly deviation: number;
  readonly slope: number;
  readonly conditionalDeviation: number;
}

/**
 * Probability that a 2-D Gaussian with correlated axes falls in a box, by Gauss-Legendre panels over the first
 * coordinate and exact normal intervals in the second; about 1e-13 absolute.
 * @param covariance row-major `[2, 2]`, positive definite
 * @param gradient receives the derivative with respect to the mean, `[2]`
 */
export function correlatedBoxProbability(
  mean: ArrayLike<number>,
  covariance: ArrayLike<number>,
  box: { readonly lower: ArrayLike<number>; readonly upper: ArrayLike<number> },
  gradient: Float64Array,
): number {
  let probability = 0;
  for (const axis of [1, 0] as const) {
    const other = 1 - axis;
    const law = conditional(covariance, axis);
    const lower = box.lower[axis]! - mean[axis]!;
    const upper = box.upper[axis]! - mean[axis]!;
    const density = (offset: number): number => {
      if (!Number.isFinite(offset)) {
        return 0;
      }
      const shift = mean[other]! + law.slope * offset;
      const inside = logNormalInterval(
        (box.lower[other]! - shift) / law.conditionalDeviation,
        (box.upper[other]! - shift) / law.conditionalDeviation,
      );
      return Math.exp(logNormalDensity(offset / law.deviation) + inside) / law.deviation;
    };
    gradient[axis] = density(lower) - density(upper);
    if (axis === 0) {
      const bound = reach * law.deviation;
      // the conditional interval switches on over conditionalDeviation / |slope|: panels must not be longer
      const longest = Math.min(law.deviation, law.conditionalDeviation / Math.max(Math.abs(law.slope), 1e-9));
      const edges = panelEdges(Math.max(lower, -bound), Math.min(upper, bound), longest);
      const rule = panelRule(edges, 16);
      for (let j = 0; j < rule.nodes.length; j++) {
        probability += rule.weights[j]! * density(rule.nodes[j]!);
      }
    }
  }
  return Math.min(probability, 1);
}

function conditional(covariance: ArrayLike<number>, axis: 0 | 1): Conditional {
  const variance = covariance[axis * 3]!;
  const slope = covariance[1]! / variance;
  const remaining = covariance[3 - axis * 3]! - slope * covariance[1]!;
  return { deviation: Math.sqrt(variance), slope, conditionalDeviation: Math.sqrt(Math.max(remaining, 0)) };
}
