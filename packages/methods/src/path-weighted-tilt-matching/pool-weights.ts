import type { Pool } from "../buffers/index.js";
import {
  type GroupWeights,
  groupWeights,
  total,
  validMembers,
  type WeightedMean,
  weightedMean,
} from "../endpoint-regression/index.js";
import { effectiveSampleSize, logSumExp } from "../statistics/index.js";

/** What the weights look at. */
export type WeighedPool = Pick<Pool<unknown, unknown>, "rewards" | "valids" | "logRatio">;

/** Weights of all pools together. */
export interface PoolWeights {
  /** Weight of every endpoint, pool after pool; every condition weighs alike and all of them sum to 1. */
  readonly weights: Float64Array;
  /** Effective sample size of each pool, summed over its conditions. */
  readonly ess: readonly number[];
  /** Mean reward of each pool under its own weights. */
  readonly means: readonly WeightedMean[];
}

/** How pools are weighed. */
export interface PoolWeightOptions {
  readonly pools: readonly WeighedPool[];
  /** Conditions; endpoint i has condition i mod this. */
  readonly conditions: number;
  /** Pools whose effective sample size is below this share of them are left out. @default 0 */
  readonly leastEssFraction?: number;
}

/**
 * Path weights: within every pool softmax(level r - L), times the pool's effective sample size, so that pools count by what
 * they know (METHODS 1.16). Whatever policy made a pool, its weights are right: E[exp(level r - L) f] = E_base[exp(level r) f].
 */
export function pathPoolWeights(options: PoolWeightOptions, level: number): PoolWeights {
  const { pools, conditions, leastEssFraction = 0 } = options;
  const own = pools.map(({ rewards, valids, logRatio }) =>
    groupWeights(
      Float64Array.from(rewards, (reward, i) => level * reward - logRatio[i]!),
      valids,
      conditions,
    ),
  );
  const kept = own.map(({ ess, weights }) => total(ess) >= leastEssFraction * weights.length);
  const sums = Float64Array.from({ length: conditions }, (_, condition) =>
    own.reduce((sum, { ess }, pool) => sum + (kept[pool] ? ess[condition]! : 0), 0),
  );
  const used = sums.filter((sum) => sum > 0).length;
  const weights = new Float64Array(pools.reduce((sum, { rewards }) => sum + rewards.length, 0));
  let from = 0;
  for (const [pool, group] of own.entries()) {
    for (let i = 0; kept[pool] && i < group.weights.length; i++) {
      const condition = i % conditions;
      if (group.weights[i]! > 0) {
        weights[from + i] = (group.weights[i]! * group.ess[condition]!) / (sums[condition]! * used);
      }
    }
    from += group.weights.length;
  }
  return { weights, ess: own.map(({ ess }) => total(ess)), means: meansOf(pools, own, conditions) };
}

/**
 * Mixture weights without path probabilities: pool j is taken for a sample of the tilt by its level, and an endpoint weighs
 * exp(level r) / sum_j n_j exp(level_j r - f_j), the f_j found by self-consistent iteration (MBAR, arXiv 0801.1426). Wrong by as
 * much as the policies were; the base model's pool, whose level is 0, anchors them.
 * @param sampledAt level of the policy that drew each pool
 * @returns the weights at any level
 */
export function mixturePoolWeights(
  { pools, conditions }: Omit<PoolWeightOptions, "leastEssFraction">,
  sampledAt: readonly number[],
): (level: number) => PoolWeights {
  const groups = Array.from({ length: conditions }, (_, condition) => {
    const members = pools.map(({ valids }) => validMembers(valids, condition, conditions));
    const rewards = Float64Array.from(
      members.flatMap((indices, pool) => Array.from(indices, (i) => pools[pool]!.rewards[i]!)),
    );
    const counts = members.map(({ length }) => length);
    return { members, rewards, denominators: mixtureDenominators(rewards, counts, sampledAt) };
  });
  return (level) => {
    const logWeights = pools.map(({ rewards }) => new Float64Array(rewards.length).fill(Number.NEGATIVE_INFINITY));
    for (const { members, rewards, denominators } of groups) {
      const own = rewards.map((reward, k) => level * reward - denominators[k]!);
      const norm = logSumExp(own);
      let k = 0;
      for (const [pool, indices] of members.entries()) {
        for (const i of indices) {
          logWeights[pool]![i] = own[k++]! - norm;
        }
      }
    }
    const weights = Float64Array.from(
      logWeights.flatMap((own) => Array.from(own, (value) => Math.exp(value) / conditions)),
    );
    // What all endpoints together are worth, shared out by weight.
    const worth = effectiveSampleSize(
      Float64Array.from(
        weights.filter((weight) => weight > 0),
        Math.log,
      ),
    );
    const own = pools.map(({ valids }, pool) => groupWeights(logWeights[pool]!, valids, conditions));
    let from = 0;
    const ess = pools.map(({ rewards }) => {
      const share = total(weights.subarray(from, from + rewards.length));
      from += rewards.length;
      return share * worth;
    });
    return { weights, ess, means: meansOf(pools, own, conditions) };
  };
}

/** log sum_j n_j exp(level_j r - f_j) at every reward, with f_j = log sum_i exp(level_j r_i) / exp(denominator_i), f_0 = 0. */
function mixtureDenominators(
  rewards: Float64Array,
  counts: readonly number[],
  sampledAt: readonly number[],
): Float64Array {
  const free = new Float64Array(counts.length);
  const terms = new Float64Array(counts.length);
  const denominators = new Float64Array(rewards.length);
  const exponents = new Float64Array(rewards.length);
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    for (let i = 0; i < rewards.length; i++) {
      for (let j = 0; j < counts.length; j++) {
        terms[j] = Math.log(counts[j]!) + sampledAt[j]! * rewards[i]! - free[j]!;
      }
      denominators[i] = logSumExp(terms);
    }
    const energies = sampledAt.map((scale) => {
      for (let i = 0; i < rewards.length; i++) {
        exponents[i] = scale * rewards[i]! - denominators[i]!;
      }
      return logSumExp(exponents);
    });
    let change = 0;
    for (let j = 0; j < counts.length; j++) {
      const updated = energies[j]! - energies[0]!;
      change = Math.max(change, Math.abs(updated - free[j]!));
      free[j] = updated;
    }
    if (change < 1e-8) {
      break;
    }
  }
  return denominators;
}

const mostSweeps = 200;

function meansOf(pools: readonly WeighedPool[], own: readonly GroupWeights[], conditions: number): WeightedMean[] {
  return pools.map(({ rewards }, pool) => weightedMean(rewards, own[pool]!, conditions));
}

/**
 * The next step of a ladder: `to` when it has enough effective samples, else the furthest scale between `from` and `to` that
 * has, found by bisection; `from` when even that has not.
 * @param ess effective sample size at a reward scale
 */
export function ladderLevel(options: {
  readonly from: number;
  readonly to: number;
  readonly enough: number;
  readonly ess: (level: number) => number;
}): number {
  const { from, to, enough, ess } = options;
  if (ess(to) >= enough) {
    return to;
  }
  let [low, high] = [0, 1];
  for (let step = 0; step < 24; step++) {
    const middle = (low + high) / 2;
    if (ess(from + middle * (to - from)) >= enough) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return from + low * (to - from);
}
