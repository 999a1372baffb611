import { rewardStatistics } from "../monitoring/index.js";

/** How rewards are standardised. */
export interface StandardizeOptions {
  /** Consecutive samples of a group; 0 for one group, which is the batch. */
  readonly groupSize: number;
  /** Rewards remembered for each group; 0 for none. */
  readonly historySize: number;
  /** A group with fewer is judged by the whole batch. */
  readonly leastHistory: number;
  /** Largest absolute advantage. */
  readonly clip: number;
}

/** Added to standard deviations, as in public code. */
const softening = 1e-4;

/** Advantages (R - mean) / (std + 1e-4) by running statistics of each group: of each prompt, where groups are prompts. */
export class RewardHistory {
  readonly #options: StandardizeOptions;
  #remembered: number[][] = [];

  constructor(options: StandardizeOptions) {
    this.#options = options;
  }

  /** Remembers a batch and judges it; 0 for invalid samples. */
  standardize(rewards: Float32Array, valids: Uint8Array): Float64Array {
    const { groupSize, leastHistory, clip } = this.#options;
    const n = rewards.length;
    const size = groupSize || n;
    const whole = rewardStatistics(rewards, valids);
    const values = new Float64Array(n);
    for (let from = 0; from < n; from += size) {
      const judged = this.#remember(
        from / size,
        Array.from(rewards.subarray(from, from + size)).filter((_, i) => valids[from + i] === 1),
      );
      const { mean, std } =
        groupSize > 0 && judged.length >= leastHistory
          ? rewardStatistics(Float32Array.from(judged), new Uint8Array(judged.length).fill(1))
          : whole;
      for (let i = from; i < from + size; i++) {
        const advantage = (rewards[i]! - mean) / (std + softening);
        values[i] = valids[i] === 1 ? Math.min(clip, Math.max(-clip, advantage)) : 0;
      }
    }
    return values;
  }

  /** Everything that is remembered, as plain JSON. */
  state(): number[][] {
    return this.#remembered.map((rewards) => [...rewards]);
  }

  /** Puts back what `state` gave. */
  restore(state: readonly (readonly number[])[]): void {
    this.#remembered = state.map((rewards) => [...rewards]);
  }

  /** What a group is judged by: at least its rewards of this batch. */
  #remember(group: number, rewards: readonly number[]): readonly number[] {
    const { groupSize, historySize } = this.#options;
    if (groupSize === 0 || historySize === 0) {
      return rewards;
    }
    const all = [...(this.#remembered[group] ?? []), ...rewards].slice(-Math.max(historySize, groupSize));
    this.#remembered[group] = all;
    return all;
  }
}
