import type { DiffusionData } from "../data/index.js";
import { ArgumentError } from "../errors/index.js";
import { allValid, type DifferentiableReward, isDifferentiable, type Reward, type RewardResult } from "./reward.js";

/** A reward of 0 for every sample: the base model is already optimal. Registered as `any/zero`. */
export class ZeroReward<D extends DiffusionData<D>, C extends object> implements DifferentiableReward<D, C> {
  evaluate(sample: D): RewardResult {
    return { rewards: new Float32Array(sample.length), valids: allValid(sample.length) };
  }

  gradient(sample: D): RewardResult & { gradient: D } {
    return { ...this.evaluate(sample), gradient: sample.zerosLike() };
  }
}

/** One summand of `weightedSum`. */
export interface WeightedReward<R> {
  readonly reward: R;
  /** Factor of this reward; any finite number. */
  readonly weight: number;
}

/**
 * Sum of weights times rewards. A sample is valid when it is valid for every summand. Differentiable when they all are.
 */
export function weightedSum<D extends DiffusionData<D>, C extends object>(
  terms: readonly WeightedReward<DifferentiableReward<D, C>>[],
): DifferentiableReward<D, C>;
export function weightedSum<D extends DiffusionData<D>, C extends object>(
  terms: readonly WeightedReward<Reward<D, C>>[],
): Reward<D, C>;
export function weightedSum<D extends DiffusionData<D>, C extends object>(
  terms: readonly WeightedReward<Reward<D, C>>[],
): Reward<D, C> {
  if (terms.length === 0 || !terms.every(({ weight }) => Number.isFinite(weight))) {
    throw new ArgumentError("weightedSum: give at least one reward, each with a finite weight.", "terms", terms);
  }
  const evaluate: Reward<D, C>["evaluate"] = async (sample, latent, conditioning) =>
    sumResults(
      await Promise.all(terms.map(({ reward }) => reward.evaluate(sample, latent, conditioning))),
      terms.map(({ weight }) => weight),
    );
  const differentiable = terms.map(({ reward }) => reward).filter((reward) => isDifferentiable(reward));
  if (differentiable.length < terms.length) {
    return { evaluate };
  }
  const gradient: DifferentiableReward<D, C>["gradient"] = async (sample, latent, conditioning) => {
    const results = await Promise.all(differentiable.map((reward) => reward.gradient(sample, latent, conditioning)));
    const weights = terms.map(({ weight }) => weight);
    const total = sumResults(results, weights);
    const summed = results[0]!.gradient.linearCombination(
      weights[0]!,
      results.slice(1).map((result, k) => [weights[k + 1]!, result.gradient] as const),
    );
    return { ...total, gradient: keepWhere(summed, (i) => total.valids[i] === 1) };
  };
  return { evaluate, gradient } as DifferentiableReward<D, C>;
}

/** Minus a reward: what was good is bad. Validity is unchanged. */
export function negateReward<D extends DiffusionData<D>, C extends object>(
  reward: DifferentiableReward<D, C>,
): DifferentiableReward<D, C>;
export function negateReward<D extends DiffusionData<D>, C extends object>(reward: Reward<D, C>): Reward<D, C>;
export function negateReward<D extends DiffusionData<D>, C extends object>(reward: Reward<D, C>): Reward<D, C> {
  return weightedSum([{ reward, weight: -1 }]);
}

/**
 * A reward limited to [minimum, maximum]. Validity is unchanged; the gradient is 0 where the limit holds, at the limits
 * included.
 * @throws ArgumentError when minimum is not below maximum
 */
export function clipReward<D extends DiffusionData<D>, C extends object>(
  reward: DifferentiableReward<D, C>,
  limits: { minimum?: number; maximum?: number },
): DifferentiableReward<D, C>;
export function clipReward<D extends DiffusionData<D>, C extends object>(
  reward: Reward<D, C>,
  limits: { minimum?: number; maximum?: number },
): Reward<D, C>;
export function clipReward<D extends DiffusionData<D>, C extends object>(
  reward: Reward<D, C>,
  limits: { minimum?: number; maximum?: number },
): Reward<D, C> {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = limits;
  if (!(minimum < maximum)) {
    throw new ArgumentError(`clipReward: minimum ${minimum} must be below maximum ${maximum}.`, "limits", limits);
  }
  const limit = (value: number): number => Math.min(Math.max(value, minimum), maximum);
  const evaluate: Reward<D, C>["evaluate"] = async (sample, latent, conditioning) => {
    const { rewards, valids } = await reward.evaluate(sample, latent, conditioning);
    return { rewards: rewards.map(limit), valids };
  };
  if (!isDifferentiable(reward)) {
    return { evaluate };
  }
  const gradient: DifferentiableReward<D, C>["gradient"] = async (sample, latent, conditioning) => {
    const inner = await reward.gradient(sample, latent, conditioning);
    const inside = (i: number): boolean => inner.rewards[i]! > minimum && inner.rewards[i]! < maximum;
    return { rewards: inner.rewards.map(limit), valids: inner.valids, gradient: keepWhere(inner.gradient, inside) };
  };
  return { evaluate, gradient } as DifferentiableReward<D, C>;
}

function sumResults(results: readonly RewardResult[], weights: readonly number[]): RewardResult {
  const n = results[0]!.rewards.length;
  const rewards = new Float32Array(n);
  const valids = allValid(n);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (const [k, result] of results.entries()) {
      sum += weights[k]! * result.rewards[i]!;
      valids[i]! &= result.valids[i]!;
    }
    rewards[i] = sum;
  }
  return { rewards, valids };
}

function keepWhere<D extends DiffusionData<D>>(data: D, keep: (sample: number) => boolean): D {
  return data.scale(Float32Array.from({ length: data.length }, (_, i) => (keep(i) ? 1 : 0)));
}
