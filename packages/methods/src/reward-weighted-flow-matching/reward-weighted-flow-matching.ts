import {
  ArgumentError,
  type DDTensor,
  type DiffusionData,
  type NoConditioning,
  throwIfAborted,
} from "@diffusiongym/core";
import { EndpointMethod, type EndpointOptions, joinTargets, perRow } from "../endpoint-regression/index.js";
import { type Json, type Metrics, TrainingAbortedError, underPrefix, withPrefix } from "../method/index.js";
import type { TrainablePolicy } from "../policies/index.js";
import {
  type ExtraState,
  type RequirementCheck,
  requireAbove,
  requireBetween,
  requireCount,
  rewardMetrics,
  velocityWeights,
} from "../training/index.js";
import { meanOneWeights, RunningScale } from "./weights.js";

/** Options of `RewardWeightedFlowMatching`. */
export interface RewardWeightedFlowMatchingOptions<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends EndpointOptions<D, C> {
  /** tau in exp(tau z). @default 0.5 */
  readonly temperature?: number;
  /** z = (r - m) / s with running statistics; false for z = r. @default true */
  readonly standardize?: boolean;
  /** alpha, the factor of |v_theta - v_ref|^2; 0 for none, and then it collapses. @default 1 */
  readonly referencePenalty?: number;
  /** Iterations after which the policy that draws samples is renewed. @default 1 */
  readonly refreshEvery?: number;
  /** Consecutive samples that share a condition, weighted against each other only; 0 for the whole batch. @default 0 */
  readonly groupSize?: number;
}

/**
 * Online reward-weighted flow matching with Wasserstein-2 regularisation, ORW-CFM-W2 (arXiv 2502.06061; METHODS 1.7): flow matching on
 * the policy's own samples, weighted by exp(tau z), held to the base model by the squared distance of the velocities.
 *
 * **Needs** any reward and a policy; a frozen copy of the policy draws the samples. Any sampler, no SDE.
 *
 * **Loss** mean[w |v_theta - u_c|^2] + alpha mean |v_theta - v_ref|^2, with w = exp(tau (r - m) / s) over its mean (in each group).
 *
 * **Converges to** its own fixed point, v_theta = (E[w u_c | x_t] + alpha v_ref) / (E[w | x_t] + alpha), which is **not the tilt**: on three
 * modes with tau = .5 and alpha = .5, 1, 4 it has the mean reward of .445, .244, .068 lambda, with other mode weights. With alpha = 0
 * every renewal tilts by tau / s again, and after ten or so the model has collapsed; the first renewal is an exact tilt by tau / s.
 *
 * **Knobs** only the sign of `rewardScale` matters where rewards are standardised (`standardize: false` makes the step of a renewal tau
 * itself). tau, alpha and `refreshEvery` together decide how far it goes: `lambda_step` is tau / s.
 *
 * **Cost** batchSize endpoints and rewards an iteration; base model and policy forward, and one regression, on batchSize * noisings rows.
 *
 * **Pitfalls** s falls while the policy concentrates, so the steps grow. Weights are divided by their mean, or their ratio to alpha would
 * drift with the scale of the reward. Below 5 effective samples in a batch the run stops.
 *
 * **Metrics** `weight_ess` (effective share of the batch), `weight_max`, `lambda_step`, `rounds` (renewals so far).
 */
export class RewardWeightedFlowMatching<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends EndpointMethod<D, C> {
  readonly name = "reward-weighted-flow-matching";
  protected readonly title = "Reward-weighted flow matching";
  private readonly temperature: number;
  private readonly standardize: boolean;
  private readonly referencePenalty: number;
  private readonly refreshEvery: number;
  private readonly groupSize: number;
  private readonly scale = new RunningScale(0.9);
  /** Who draws the samples. */
  private readonly sampler: TrainablePolicy<D, C>;

  /** @throws ArgumentError for an option out of range */
  constructor(options: RewardWeightedFlowMatchingOptions<D, C>) {
    super(options, { iterations: 1000, batchSize: 256, learningRate: 3e-3, solverSteps: 12 });
    const { temperature = 0.5, standardize = true, referencePenalty = 1, refreshEvery = 1, groupSize = 0 } = options;
    requireAbove("temperature", temperature, 0);
    requireBetween("referencePenalty", referencePenalty, 0, Number.MAX_VALUE);
    requireCount("refreshEvery", refreshEvery);
    requireCount("groupSize", groupSize, 0);
    if (groupSize > 0 && this.common.batchSize % groupSize !== 0) {
      throw new ArgumentError(
        `${this.common.batchSize} samples do not fill groups of ${groupSize}.`,
        "groupSize",
        groupSize,
      );
    }
    this.temperature = temperature;
    this.standardize = standardize;
    this.referencePenalty = referencePenalty;
    this.refreshEvery = refreshEvery;
    this.groupSize = groupSize;
    this.sampler = this.policy.withParameters(this.policy.parameters.clone());
  }

  cite(): string {
    return citation;
  }

  protected *requirements(): Iterable<RequirementCheck> {}

  protected async advance(signal: AbortSignal | undefined): Promise<Metrics> {
    const { rewardScale, baseModel: model } = this.environment;
    const { groupSize, referencePenalty } = this;
    throwIfAborted(signal, "Training");
    const endpoints = await this.drawBatch(signal, this.sampler);
    const { rewards, valids } = endpoints;
    const seen = this.scale.state();
    this.scale.add(rewards, valids);
    const { deviation } = this.scale;
    const size = this.standardize ? (deviation > 0 ? this.temperature / deviation : 0) : this.temperature;
    const strength = Math.sign(rewardScale) * size;
    const weights = meanOneWeights(rewards, valids, { strength, groupSize });
    const valid = valids.reduce((count, flag) => count + flag, 0);
    const squares = weights.reduce((total, weight) => total + weight ** 2, 0);
    const ess = squares > 0 ? weights.reduce((total, weight) => total + weight, 0) ** 2 / squares : 0;
    if (valid > 0 && ess < Math.min(leastEss, valid)) {
      this.scale.restore(seen);
      throw new TrainingAbortedError(
        `Stopped in iteration ${this.iteration + 1}: the weights of the batch have ${ess.toFixed(1)} effective samples. Lower temperature, or ` +
          "raise batchSize or referencePenalty.",
        "effective-samples",
        this.iteration + 1,
      );
    }
    const rows = this.noise({ ...endpoints, x1: endpoints.latent });
    const share = valids.length / Math.max(1, valid);
    let remainders = 0;
    const loss = await this.regressRows(rows, async (chunk) => {
      const { t, base, target } = chunk;
      const fit = { target, weight: perRow(chunk, weights).map((weight) => weight * share) };
      if (referencePenalty === 0) {
        return { targets: target, weights: fit.weight };
      }
      const speed = velocityWeights(model, t);
      const reference = await base.baseOutput();
      const anchor = {
        target: reference,
        weight: perRow(chunk, valids).map((flag) => flag * share * referencePenalty),
      };
      const joined = joinTargets(fit, anchor, speed);
      remainders += joined.remainder.reduce((total, value) => total + value, 0);
      return joined;
    });
    const update = this.updateParameters();
    if ((this.iteration + 1) % this.refreshEvery === 0) {
      this.sampler.parameters.data.set(this.policy.parameters.data);
    }
    return {
      ...rewardMetrics(endpoints, rewardScale),
      loss: loss + remainders / rows.t.length,
      ...update,
      weight_ess: ess / Math.max(1, valid),
      weight_max: weights.reduce((most, weight) => Math.max(most, weight), 0),
      lambda_step: strength,
      rounds: Math.floor((this.iteration + 1) / this.refreshEvery),
    };
  }

  protected settings(): { readonly [name: string]: Json } {
    return {
      ...this.endpointSettings(),
      temperature: this.temperature,
      standardize: this.standardize,
      referencePenalty: this.referencePenalty,
      refreshEvery: this.refreshEvery,
      groupSize: this.groupSize,
    };
  }

  protected override extraState(): ExtraState {
    return {
      arrays: withPrefix("sampler", this.sampler.parameters.state()),
      values: { scale: this.scale.state() },
    };
  }

  protected override restoreExtra(
    arrays: ReadonlyMap<string, Float32Array>,
    values: { readonly [name: string]: Json },
  ): void {
    this.sampler.parameters.restore(underPrefix("sampler", arrays));
    this.scale.restore(values.scale!);
  }
}

const leastEss = 5;

const citation = `@inproceedings{fan2025online,
  title = {Online Reward-Weighted Fine-Tuning of Flow Matching with Wasserstein Regularization},
  author = {Fan, Jiajun and Shen, Shuaike and Cheng, Chaoran and Chen, Yuxin and Liang, Chumeng and Liu, Ge},
  booktitle = {International Conference on Learning Representations},
  year = {2025}
}`;
