import type { DiffusionData } from "@diffusiongym/core";
import type { Pool } from "../buffers/index.js";
import type { Metrics } from "../method/index.js";
import { type Baseline, largestMagnitude, rewardStatistics } from "../monitoring/index.js";
import { effectiveSampleSize, logSumExp } from "../statistics/index.js";
import { baselineOf } from "../training/index.js";

/** How a pool is weighed. */
export interface WeighOptions {
  readonly rewardScale: number;
  /** Consecutive samples that share their conditioning; 0 for all. */
  readonly groupSize: number;
}

/** Base samples with their weights exp(lambda r) over the mean of these. */
export interface WeighedPool {
  /** Log of the mean of exp(lambda r) over the valid samples. */
  readonly logZ: number;
  /** Effective sample size of the weights. */
  readonly ess: number;
  /** lambda r - log Z of each sample; -Infinity where invalid. */
  readonly logWeights: Float64Array;
  /** Indices of the valid samples of each group that has any. */
  readonly groups: readonly Int32Array[];
  /** What the abort rules compare with. */
  readonly baseline: Baseline;
  readonly metrics: Metrics;
}

/** Weighs base samples. */
export function weighPool<D extends DiffusionData<D>, C extends object>(
  { rewards, valids, x1 }: Pool<D, C>,
  { rewardScale, groupSize }: WeighOptions,
): WeighedPool {
  const n = rewards.length;
  const logRewards = Float64Array.from(rewards, (reward, i) =>
    valids[i] === 1 ? rewardScale * reward : Number.NEGATIVE_INFINITY,
  );
  const { mean, std, min, max, validFraction } = rewardStatistics(rewards, valids);
  const ess = effectiveSampleSize(logRewards);
  const logZ = logSumExp(logRewards) - Math.log(Math.max(1, Math.round(validFraction * n)));
  const size = groupSize || n;
  const groups = Array.from({ length: n / size }, (_, group) =>
    Int32Array.from({ length: size }, (_, i) => group * size + i).filter((i) => valids[i] === 1),
  );
  return {
    logZ,
    ess,
    logWeights: logRewards.map((value) => value - logZ),
    groups: groups.filter((members) => members.length > 0),
    baseline: baselineOf(rewards, valids, largestMagnitude(x1)),
    metrics: {
      pool_reward: mean,
      pool_reward_std: std,
      pool_reward_min: min,
      pool_reward_max: max,
      valid_fraction: validFraction,
      pool_ess: ess,
      log_z: logZ,
    },
  };
}
