import type { Metrics } from "../method/index.js";
import { groupWeights, total, weightedMean } from "./group-weights.js";

/** What one step of a tilt by a fixed part of lambda looks at. */
export interface StepReportOptions {
  readonly rewards: Float32Array;
  readonly valids: Uint8Array;
  /** h: the pool is tilted by exp(h r). */
  readonly step: number;
  readonly conditions: number;
  /** The report of the step before. */
  readonly before: Metrics;
}

/**
 * `ess`, `ess_fraction` (of the valid endpoints) and `weight_max` (over the mean weight) of exp(h r) on a pool; `reward_expected`
 * with its standard error, the mean reward that the step promises; and `inherited_error`, by how many standard errors the pool
 * itself missed what the step before had promised.
 */
export function stepReport({ rewards, valids, step, conditions, before }: StepReportOptions): Metrics {
  const exponents = Float64Array.from(rewards, (reward) => step * reward);
  const tilted = groupWeights(exponents, valids, conditions);
  const equal = groupWeights(new Float64Array(rewards.length), valids, conditions);
  const promise = weightedMean(rewards, tilted, conditions);
  const found = weightedMean(rewards, equal, conditions);
  const { reward_expected: promised, reward_expected_error: promisedError = 0 } = before;
  const error = Math.max(Math.hypot(found.standardError, promisedError), Number.MIN_VALUE);
  return {
    ess: total(tilted.ess),
    ess_fraction: total(tilted.ess) / Math.max(1, total(equal.ess)),
    weight_max: tilted.weights.reduce((most, weight) => Math.max(most, weight), 0) * (rewards.length / conditions),
    reward_expected: promise.mean,
    reward_expected_error: promise.standardError,
    ...(promised !== undefined && { inherited_error: (found.mean - promised) / error }),
  };
}
