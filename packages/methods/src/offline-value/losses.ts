import { logSumExp } from "../statistics/index.js";

/** A loss of values, with its derivatives. */
export interface ValueLoss {
  readonly loss: number;
  /** d loss / d V of each row. */
  readonly slopes: Float64Array;
}

/** Exponents above this count as this, so that a network gone astray gives a large slope and not infinity. */
const largestExponent = 20;

/**
 * The Itakura-Saito divergence of weights w = exp(lambda r - c) from exp(-V): mean_i w_i e^{V_i} - log(w_i e^{V_i}) - 1, whose slope is
 * w e^V - 1. Its minimum over V at a state is -log E[w | state].
 * @param logWeights lambda r - c of each row
 */
export function exponentialLoss(values: ArrayLike<number>, logWeights: ArrayLike<number>): ValueLoss {
  const n = values.length;
  const slopes = new Float64Array(n);
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const exponent = logWeights[i]! + values[i]!;
    const ratio = Math.exp(Math.min(largestExponent, exponent));
    slopes[i] = (ratio - 1) / n;
    loss += (ratio - exponent - 1) / n;
  }
  return { loss, slopes };
}

/** Options of `contrastiveLoss`. */
export interface ContrastOptions {
  /** Consecutive rows that are compared. */
  readonly size: number;
  /** Weights as they are over `size`, or divided by their sum. */
  readonly weights: "pool" | "softmax";
}

/**
 * Contrastive energy prediction (Lu et al., arXiv 2304.12824, equation 12): -sum_j p_j log softmax_j(-V) within each group of rows of one time, averaged over the groups,
 * with p_j = w_j / size or w_j / sum w. Its minimum is V = -log E[w | state] + a number that only the time and the condition decide.
 * @param logWeights lambda r - c of each row
 */
export function contrastiveLoss(
  values: ArrayLike<number>,
  logWeights: ArrayLike<number>,
  { size, weights }: ContrastOptions,
): ValueLoss {
  const groups = values.length / size;
  const slopes = new Float64Array(values.length);
  let loss = 0;
  for (let from = 0; from < values.length; from += size) {
    const energies = Float64Array.from({ length: size }, (_, j) => -values[from + j]!);
    const own = Float64Array.from({ length: size }, (_, j) => logWeights[from + j]!);
    const energyTotal = logSumExp(energies);
    const weightTotal = weights === "pool" ? Math.log(size) : logSumExp(own);
    const shares = own.map((logWeight) => Math.exp(logWeight - weightTotal));
    const all = shares.reduce((sum, share) => sum + share, 0);
    for (let j = 0; j < size; j++) {
      const logShare = energies[j]! - energyTotal;
      loss -= (shares[j]! * logShare) / groups;
      slopes[from + j] = (shares[j]! - all * Math.exp(logShare)) / groups;
    }
  }
  return { loss, slopes };
}
