import type { NoConditioning } from "../conditioning/index.js";
import type { DDTensor } from "../data/index.js";
import { NonFiniteError, ShapeError } from "../errors/index.js";
import type { MaybePromise } from "../models/index.js";

/** Rewards of a batch. */
export interface RewardResult {
  /** One number a sample, shape [n]; larger is better. Finite wherever the sample is valid. */
  readonly rewards: Float32Array;
  /** 1 where the sample could be judged, 0 where it could not; shape [n]. */
  readonly valids: Uint8Array;
}

/** Rewards with the gradient of each sample's reward with respect to that sample. */
export interface RewardGradient<D> extends RewardResult {
  /** d rewards[i] / d sample[i], of the structure of the samples; zero for invalid ones. */
  readonly gradient: D;
}

/** What the samples should be good at. May run a program or a network, so it may be asynchronous. */
export interface Reward<D = DDTensor, C extends object = NoConditioning> {
  /**
   * Judges finished samples.
   * @param sample what `postprocess` made, n samples
   * @param latent the states in which the SDE ended
   * @param conditioning conditioning of the rollout
   */
  evaluate(sample: D, latent: D, conditioning: C): MaybePromise<RewardResult>;
}

/** A reward that also knows its gradient. */
export interface DifferentiableReward<D = DDTensor, C extends object = NoConditioning> extends Reward<D, C> {
  /** Rewards and their gradient with respect to `sample`. */
  gradient(sample: D, latent: D, conditioning: C): MaybePromise<RewardGradient<D>>;
}

/** True when a reward knows its gradient. */
export function isDifferentiable<D, C extends object>(reward: Reward<D, C>): reward is DifferentiableReward<D, C> {
  return typeof (reward as Partial<DifferentiableReward<D, C>>).gradient === "function";
}

/** All samples valid: what a reward that can judge anything returns beside its numbers. */
export function allValid(n: number): Uint8Array {
  return new Uint8Array(n).fill(1);
}

/**
 * Checks a reward's answer: lengths, and finite numbers wherever a sample is valid. NaN or infinity of an invalid sample
 * becomes 0, so that no sum trips over it; look at `valids` to leave the sample out.
 * @throws ShapeError, NonFiniteError
 */
export function checkRewards(result: RewardResult, n: number): RewardResult {
  // Rewards written without types may give less than they promise, or plain arrays.
  const { rewards, valids } = (result ?? {}) as Partial<RewardResult>;
  if (rewards?.length !== n || valids?.length !== n) {
    throw new ShapeError(
      `The reward returned ${rewards?.length ?? "no"} rewards and ${valids?.length ?? "no"} valids for ${n} samples; ` +
        "one of each a sample is needed.",
      [n],
      [rewards?.length ?? 0],
    );
  }
  const checked = Float32Array.from(rewards);
  for (let i = 0; i < n; i++) {
    if (Number.isFinite(checked[i]!)) {
      continue;
    }
    if (valids[i] === 0) {
      checked[i] = 0;
    } else {
      throw new NonFiniteError(
        `The reward of sample ${i} is ${checked[i]}. A reward must be finite; mark a sample that cannot be judged as invalid (valids[${i}] = 0).`,
        "rewards",
        i,
      );
    }
  }
  return { rewards: checked, valids: Uint8Array.from(valids, (valid) => (valid ? 1 : 0)) };
}
