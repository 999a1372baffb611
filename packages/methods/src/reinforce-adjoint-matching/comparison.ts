import { advantages } from "../statistics/index.js";

/** Rewards of a batch, compared. */
export interface Comparison {
  /** lambda (r - b) of each endpoint, without the conditional part of b; 0 for invalid ones. */
  readonly scaled: Float64Array;
  /** Least 1 + lambda (r - b) (METHODS 1.13, rule 3): below 0 an unconditional baseline is unstable. */
  readonly stability: number;
  /** lambda, or what a division by the deviation within the groups makes of it. */
  readonly scale: number;
}

/** How rewards are compared. */
export interface ComparisonOptions {
  readonly rewardScale: number;
  readonly groupSize: number;
  readonly normalization: "none" | "std";
  /** Take them as they are, without subtracting a mean. */
  readonly raw: boolean;
}

/** lambda (r - mean r) within each group, or what takes its place. */
export function compareRewards(rewards: Float32Array, valids: Uint8Array, options: ComparisonOptions): Comparison {
  const { rewardScale, groupSize, normalization, raw } = options;
  const centred = advantages(rewards, valids, { groupSize, normalization });
  const scaled = Float64Array.from(rewards, (reward, i) =>
    valids[i] === 1 ? rewardScale * (raw ? reward : centred.values[i]!) : 0,
  );
  return {
    scaled,
    stability: 1 + scaled.reduce((least, value) => Math.min(least, value), 0),
    scale: normalization === "std" && centred.groupStd > 0 ? rewardScale / centred.groupStd : rewardScale,
  };
}
