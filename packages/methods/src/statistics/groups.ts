import { ArgumentError, ShapeError } from "@diffusiongym/core";

/** How rewards become advantages. */
export interface AdvantageOptions {
  /** Consecutive samples that share a condition, compared with each other only; 0 for the whole batch. @default 0 */
  readonly groupSize?: number;
  /** `"none"` subtracts the group's mean; `"std"` divides by its standard deviation as well, which makes lambda unknown. @default "none" */
  readonly normalization?: "none" | "std";
  /** Largest absolute advantage. @default Infinity */
  readonly clip?: number;
  /** Groups whose rewards spread less than this have nothing to say: their advantages are 0. @default 1e-8 */
  readonly leastStd?: number;
}

/** Advantages of a batch of rewards. */
export interface Advantages {
  /** A_i, shape [n]; 0 for invalid samples and for dropped groups. */
  readonly values: Float32Array;
  /** 1 where a sample counts: valid, in a group that was not dropped; shape [n]. */
  readonly used: Uint8Array;
  /** Share of the groups that were dropped, for a spread of 0 or for fewer than two valid samples. */
  readonly droppedFraction: number;
  /** Mean over the groups of the standard deviation within. */
  readonly groupStd: number;
}

/**
 * Rewards relative to those of the same condition (METHODS 1.3, 1.4): A = R - mean, or (R - mean) / std.
 * @throws ArgumentError when the samples do not fill whole groups
 */
export function advantages(rewards: Float32Array, valids: Uint8Array, options: AdvantageOptions = {}): Advantages {
  const { normalization = "none", clip = Number.POSITIVE_INFINITY, leastStd = 1e-8 } = options;
  const n = rewards.length;
  if (valids.length !== n) {
    throw new ShapeError(`${valids.length} valids for ${n} rewards.`, [n], [valids.length]);
  }
  const size = options.groupSize || n;
  if (n % size !== 0) {
    throw new ArgumentError(`${n} samples do not fill groups of ${size}.`, "groupSize", size);
  }
  const values = new Float32Array(n);
  const used = new Uint8Array(n);
  const groups = n === 0 ? 0 : n / size;
  let dropped = 0;
  let stdSum = 0;
  for (let group = 0; group < groups; group++) {
    const from = group * size;
    const { count, mean, std } = groupMoments(rewards, valids, from, from + size);
    stdSum += std;
    if (count < 2 || !(std > leastStd)) {
      dropped += 1;
      continue;
    }
    for (let i = from; i < from + size; i++) {
      if (valids[i] === 1) {
        const advantage = (rewards[i]! - mean) / (normalization === "std" ? std : 1);
        values[i] = Math.min(clip, Math.max(-clip, advantage));
        used[i] = 1;
      }
    }
  }
  return { values, used, droppedFraction: dropped / Math.max(1, groups), groupStd: stdSum / Math.max(1, groups) };
}

/** Mean and standard deviation (divided by n) of the valid entries of a range. */
function groupMoments(
  rewards: Float32Array,
  valids: Uint8Array,
  from: number,
  to: number,
): { count: number; mean: number; std: number } {
  let count = 0;
  let sum = 0;
  for (let i = from; i < to; i++) {
    if (valids[i] === 1) {
      count += 1;
      sum += rewards[i]!;
    }
  }
  const mean = sum / Math.max(1, count);
  let squares = 0;
  for (let i = from; i < to; i++) {
    if (valids[i] === 1) {
      squares += (rewards[i]! - mean) ** 2;
    }
  }
  return { count, mean, std: Math.sqrt(squares / Math.max(1, count)) };
}
