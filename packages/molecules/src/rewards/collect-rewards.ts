import type { RewardResult } from "@diffusiongym/core";

/**
 * A reward's answer from what was measured of each molecule.
 * @param measured undefined, or no finite number, where a molecule is invalid
 * @param invalidReward what those get
 */
export function collectRewards(measured: readonly (number | undefined)[], invalidReward: number): RewardResult {
  const sound = (value: number | undefined): value is number => Number.isFinite(value);
  return {
    rewards: Float32Array.from(measured, (value) => (sound(value) ? value : invalidReward)),
    valids: Uint8Array.from(measured, (value) => (sound(value) ? 1 : 0)),
  };
}
