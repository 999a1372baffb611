import { TrainingAbortedError } from "../method/index.js";

/** The largest relative difference between a policy's outputs in its own rollout and afterwards that rounding explains. */
const roundingLimit = 1e-4;

/**
 * Refuses an update whose constants come from another policy than the one at hand: its gradient would be wrong, and nothing else would show it.
 * @param mismatch what `backwardAlong` returns
 * @throws TrainingAbortedError
 */
export function refuseStaleRollout(mismatch: number, iteration: number): void {
  if (mismatch > roundingLimit) {
    throw new TrainingAbortedError(
      `Stopped in iteration ${iteration}: the policy's outputs differ by a share of ${mismatch.toPrecision(2)} from those in its own rollout, ` +
        "so the rollout was made by another policy, or the policy is not a function of state, time and conditioning (dropout, noise of its own).",
      "stale-rollout",
      iteration,
    );
  }
}
