import { ArgumentError, type RandomStream } from "@diffusiongym/core";

/** log sum exp, -Infinity for nothing or for weights of 0 only. */
export function logSumExp(values: ArrayLike<number>): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    largest = Math.max(largest, values[i]!);
  }
  if (largest === Number.NEGATIVE_INFINITY) {
    return largest;
  }
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += Math.exp(values[i]! - largest);
  }
  return largest + Math.log(sum);
}

/** Weights that sum to 1, from their logarithms. */
export function normalizedWeights(logWeights: ArrayLike<number>): Float64Array {
  const total = logSumExp(logWeights);
  return Float64Array.from(logWeights, (value) => Math.exp(value - total));
}

/** Effective sample size (sum w)^2 / sum w^2 of n weights given by their logarithms: between 1 and n, 0 for nothing. */
export function effectiveSampleSize(logWeights: ArrayLike<number>): number {
  const total = logSumExp(logWeights);
  if (total === Number.NEGATIVE_INFINITY) {
    return 0;
  }
  return Math.exp(2 * total - logSumExp(Float64Array.from(logWeights, (value) => 2 * value)));
}

/**
 * Systematic resampling: `count` indices, index i either floor or ceil of count w_i times, in increasing order. One uniform
 * number decides everything, so the draw has little variance.
 * @param weights >= 0, not all 0; need not sum to 1
 * @throws ArgumentError for weights that are negative, not finite, or all 0
 */
export function systematicResampling(weights: ArrayLike<number>, count: number, stream: RandomStream): Int32Array {
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    if (!(weights[i]! >= 0)) {
      throw new ArgumentError(`Weight ${i} is ${weights[i]}; weights are finite and >= 0.`, "weights", weights[i]);
    }
    total += weights[i]!;
  }
  if (!(total > 0 && total < Number.POSITIVE_INFINITY)) {
    throw new ArgumentError(`The weights sum to ${total}; one of them must be above 0.`, "weights", total);
  }
  const chosen = new Int32Array(count);
  const start = stream.uniform();
  let index = 0;
  let reached = weights[0]!;
  for (let k = 0; k < count; k++) {
    const mark = ((k + start) / count) * total;
    while (reached <= mark && index < weights.length - 1) {
      index += 1;
      reached += weights[index]!;
    }
    chosen[k] = index;
  }
  return chosen;
}

/**
 * The value below which a share of the numbers lies, by linear interpolation; 0 for none.
 * @param share in [0, 1]
 */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] ?? 0;
  return low + (position - below) * ((sorted[below + 1] ?? low) - low);
}

/** Share of the sum of non-negative numbers that the largest `part` of them carry: 1 % by default. 0 when all are 0. */
export function topShare(values: ArrayLike<number>, part = 0.01): number {
  const sorted = Float64Array.from(values).sort();
  const total = sorted.reduce((sum, value) => sum + value, 0);
  const count = Math.max(1, Math.round(part * sorted.length));
  return total === 0 ? 0 : sorted.subarray(-count).reduce((sum, value) => sum + value, 0) / total;
}
