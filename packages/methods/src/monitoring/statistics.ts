import type { DiffusionData, Sample } from "@diffusiongym/core";

/** Statistics of the rewards of the valid samples. */
export interface RewardStatistics {
  readonly mean: number;
  /** Standard deviation (divided by n). */
  readonly std: number;
  readonly min: number;
  readonly max: number;
  /** Valid samples over all. */
  readonly validFraction: number;
}

/** Mean, spread and range of the rewards of valid samples; all 0 when none is valid. */
export function rewardStatistics(rewards: Float32Array, valids: Uint8Array): RewardStatistics {
  const judged = Array.from(rewards).filter((_, i) => valids[i] === 1);
  if (judged.length === 0) {
    return { mean: 0, std: 0, min: 0, max: 0, validFraction: 0 };
  }
  const mean = judged.reduce((sum, reward) => sum + reward, 0) / judged.length;
  const variance = judged.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / judged.length;
  return {
    mean,
    std: Math.sqrt(variance),
    min: judged.reduce((least, reward) => Math.min(least, reward), Number.POSITIVE_INFINITY),
    max: judged.reduce((most, reward) => Math.max(most, reward), Number.NEGATIVE_INFINITY),
    validFraction: judged.length / rewards.length,
  };
}

/** Mean cost of control over the valid samples: the path KL to the base model. */
export function meanPathCost<D extends DiffusionData<D>, C extends object>(sample: Sample<D, C>): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < sample.length; i++) {
    if (sample.valids[i] === 1) {
      sum += sample.pathCosts[i]!;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}

/** Largest absolute number of a batch. */
export function largestMagnitude<D extends DiffusionData<D>>(data: D): number {
  let largest = 0;
  for (const tensor of data.tensors()) {
    const values = tensor.data;
    for (let i = 0; i < values.length; i++) {
      const magnitude = Math.abs(values[i]!);
      if (magnitude > largest) {
        largest = magnitude;
      }
    }
  }
  return largest;
}
