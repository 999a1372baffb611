import { effectiveSampleSize, normalizedWeights } from "../statistics/index.js";

/** Weights of one pool, condition by condition. */
export interface GroupWeights {
  /** Weight of every endpoint: they sum to 1 within each condition that has a valid endpoint, and are 0 where invalid. */
  readonly weights: Float64Array;
  /** Effective sample size of each condition; 0 without a valid endpoint. */
  readonly ess: Float64Array;
}

/**
 * Self-normalised weights of a pool, endpoint i having condition i mod `conditions`.
 * @param logWeights log weights up to a constant, shape [n]
 * @param valids 0 leaves an endpoint out
 */
export function groupWeights(
  logWeights: ArrayLike<number>,
  valids: ArrayLike<number>,
  conditions: number,
): GroupWeights {
  const n = logWeights.length;
  const weights = new Float64Array(n);
  const ess = new Float64Array(conditions);
  for (let condition = 0; condition < conditions; condition++) {
    const members = validMembers(valids, condition, conditions);
    const own = Float64Array.from(members, (i) => logWeights[i]!);
    ess[condition] = effectiveSampleSize(own);
    if (ess[condition]! > 0) {
      normalizedWeights(own).forEach((weight, k) => {
        weights[members[k]!] = weight;
      });
    }
  }
  return { weights, ess };
}

/** Indices of the valid endpoints of a condition. */
export function validMembers(valids: ArrayLike<number>, condition: number, conditions: number): Int32Array {
  let count = 0;
  for (let i = condition; i < valids.length; i += conditions) {
    count += valids[i] ? 1 : 0;
  }
  const members = new Int32Array(count);
  for (let i = condition, k = 0; i < valids.length; i += conditions) {
    if (valids[i]) {
      members[k++] = i;
    }
  }
  return members;
}

/** A mean over weighted endpoints with its standard error. */
export interface WeightedMean {
  readonly mean: number;
  readonly standardError: number;
}

/** Mean of values under the weights of a pool, every condition counting alike. */
export function weightedMean(
  values: ArrayLike<number>,
  { weights, ess }: GroupWeights,
  conditions: number,
): WeightedMean {
  let mean = 0;
  let variance = 0;
  let used = 0;
  for (let condition = 0; condition < conditions; condition++) {
    if (!(ess[condition]! > 0)) {
      continue;
    }
    used += 1;
    let own = 0;
    for (let i = condition; i < weights.length; i += conditions) {
      own += weights[i]! * values[i]!;
    }
    let squares = 0;
    for (let i = condition; i < weights.length; i += conditions) {
      squares += (weights[i]! * (values[i]! - own)) ** 2;
    }
    mean += own;
    variance += squares;
  }
  return { mean: mean / Math.max(1, used), standardError: Math.sqrt(variance) / Math.max(1, used) };
}

/** Sum of a few numbers. */
export function total(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0);
}
