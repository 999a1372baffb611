import type { DiffusionData } from "@diffusiongym/core";
import type { Metrics } from "../method/index.js";
import { rewardStatistics } from "../monitoring/index.js";
import type { Endpoints, Rollout } from "../sampling/index.js";

/** The metrics of rewards that every method reports. */
export function rewardMetrics<D extends DiffusionData<D>, C extends object>(
  { rewards, valids }: Endpoints<D, C>,
  rewardScale: number,
): Metrics {
  const { mean, std, min, max, validFraction } = rewardStatistics(rewards, valids);
  return {
    reward: mean,
    reward_std: std,
    reward_min: min,
    reward_max: max,
    valid_fraction: validFraction,
    reward_scale: rewardScale,
  };
}

/** The metrics of a rollout: rewards, `kl_path` over the valid samples, the objective, and the largest state. */
export function rolloutMetrics<D extends DiffusionData<D>, C extends object>(
  rollout: Rollout<D, C>,
  rewardScale: number,
): Metrics {
  const rewards = rewardMetrics(rollout, rewardScale);
  const klPath = validMean(rollout.klPath, rollout.valids);
  return {
    ...rewards,
    kl_path: klPath,
    objective: rewardScale * rewards.reward! - klPath,
    state_max: rollout.stateMax,
  };
}

/** Mean over the valid samples; 0 when none is. */
export function validMean(values: ArrayLike<number>, valids: Uint8Array): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < valids.length; i++) {
    if (valids[i] === 1) {
      sum += values[i]!;
      count += 1;
    }
  }
  return sum / Math.max(1, count);
}
