import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { BufferRows } from "../buffers/index.js";
import {
  groupWeights,
  PooledMethod,
  type PooledOptions,
  type RoundStart,
  stepReport,
} from "../endpoint-regression/index.js";
import { type Json, TrainingAbortedError } from "../method/index.js";
import { type RequirementCheck, requireAbove } from "../training/index.js";

/** Options of `RewardWeightedRegression`. */
export interface RewardWeightedRegressionOptions<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends PooledOptions<D, C> {
  /** Largest weight as a multiple of the mean weight; public code clamps at 100. Biases towards a smaller tilt. @default none */
  readonly maxWeight?: number;
  /** Effective samples below which a round is not worth fitting, and the run stops. @default 200 */
  readonly leastEss?: number;
}

/**
 * Reward-weighted regression, offline or iterated (METHODS 1.8; Peters and Schaal 2007, Lee et al. arXiv 2302.12192): the
 * regression of pre-training on samples weighted by exp(lambda r).
 *
 * **Needs** any reward and a policy. No SDE, no reference in training.
 *
 * **Loss** sum_i w_i |v_theta(x_t) - u_c|^2 with w = softmax(lambda r) over a pool of the base model's samples, by systematic
 * resampling. With `rounds: m` each round draws a pool from the policy fitted before and tilts it by lambda / m further.
 *
 * **Converges to** the tilt p(x) exp(lambda r(x)) / Z, exactly as the pool grows: it is the minimiser of the forward KL from the
 * tilt. Iterated: too, if each regression is exact; what one misses the next inherits.
 *
 * **Knobs** lambda is the environment's `rewardScale`, whatever the number of rounds. `maxWeight` makes it smaller.
 *
 * **Cost** basePoolSize + (rounds - 1) poolSize rewards, no rollout; an iteration is one regression on batchSize * noisings rows.
 *
 * **Pitfalls** limited by the effective sample size Z(lambda)^2 / Z(2 lambda) of the pool (`ess_fraction`): .5, .22, .02 at lambda =
 * .5, 1, 3 on three modes, and below 1e-3 on rewards that pull in many dimensions, where the fit looks converged and is far too
 * narrow. The pool should hold 20 samples of the smallest mass that matters. Where it does not reach, use
 * `PathWeightedTiltMatching`; where it has 10 000 effective samples, nothing is better than this.
 *
 * **Metrics** `lambda` (of the round), `ess`, `ess_fraction`, `weight_max` (over the mean weight), `reward_expected`, the mean
 * reward that the weights promise, and `inherited_error`, by how many standard errors the new pool missed the last promise.
 */
export class RewardWeightedRegression<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends PooledMethod<D, C> {
  readonly name = "reward-weighted-regression";
  protected readonly title = "Reward-weighted regression";
  private readonly maxWeight: number | undefined;
  private readonly leastEss: number;

  /** @throws ArgumentError for an option out of range */
  constructor(options: RewardWeightedRegressionOptions<D, C>) {
    super(options, {
      iterations: 4000,
      batchSize: 512,
      learningRate: 6e-3,
      averageDecay: 0.995,
      solverSteps: 24,
      rounds: 1,
      roundIterations: (iterations, rounds) => Math.floor(iterations / rounds),
    });
    const { maxWeight, leastEss = 200 } = options;
    if (maxWeight !== undefined) {
      requireAbove("maxWeight", maxWeight, 1);
    }
    requireAbove("leastEss", leastEss, 0);
    this.maxWeight = maxWeight;
    this.leastEss = leastEss;
  }

  cite(): string {
    return citation;
  }

  protected *requirements(): Iterable<RequirementCheck> {}

  protected async beginRound(round: number, signal: AbortSignal | undefined): Promise<RoundStart> {
    const { rewardScale } = this.environment;
    const { rounds, poolSize: n } = this.plan;
    if (round > 0) {
      const indexOffset = this.poolOffset(round);
      const endpoints = await this.drawPool({ n, indexOffset, adapted: true, signal });
      this.buffer.keepLast(0);
      this.buffer.add(endpoints, indexOffset);
    }
    const { rewards, valids } = this.buffer.pools[0]!;
    const { conditions, summary: before } = this;
    const step = rewardScale / rounds;
    const report = stepReport({ rewards, valids, step, conditions, before });
    if (report.ess! < this.leastEss) {
      throw new TrainingAbortedError(
        `Stopped in iteration ${this.iteration + 1}: weighted by exp(${step.toPrecision(3)} r) the pool has ${report.ess!.toFixed(1)} effective ` +
          `samples, and ${this.leastEss} are needed. Draw a larger pool, take more rounds, or use PathWeightedTiltMatching.`,
        "effective-samples",
        this.iteration + 1,
      );
    }
    const level = (rewardScale * (round + 1)) / rounds;
    return { level, metrics: { ...this.newestMetrics(), lambda: level, ...report } };
  }

  protected poolWeights(): ArrayLike<number> {
    const { rewards, valids } = this.buffer.pools[0]!;
    const step = this.environment.rewardScale / this.plan.rounds;
    const { weights } = groupWeights(
      rewards.map((reward) => step * reward),
      valids,
      this.conditions,
    );
    if (this.maxWeight === undefined) {
      return weights;
    }
    const most = (this.maxWeight * this.conditions) / rewards.length;
    return weights.map((weight) => Math.min(weight, most));
  }

  protected async fit(rows: BufferRows<D, C>): Promise<{ loss: number }> {
    return { loss: await this.regressRows(this.noise(rows), ({ target }) => ({ targets: target })) };
  }

  protected settings(): { readonly [name: string]: Json } {
    return { ...this.roundSettings(), maxWeight: this.maxWeight ?? null, leastEss: this.leastEss };
  }
}

const citation = `@inproceedings{peters2007reinforcement,
  title = {Reinforcement Learning by Reward-Weighted Regression for Operational Space Control},
  author = {Peters, Jan and Schaal, Stefan},
  booktitle = {International Conference on Machine Learning},
  year = {2007}
}
@article{lee2023aligning,
  title = {Aligning Text-to-Image Models using Human Feedback},
  author = {Lee, Kimin and Liu, Hao and Ryu, Moonkyung and Watkins, Olivia and Du, Yuqing and Boutilier, Craig and Abbeel, Pieter and Ghavamzadeh, Mohammad and Gu, Shixiang Shane},
  journal = {arXiv preprint arXiv:2302.12192},
  year = {2023}
}`;
