import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import { type Json, requireOneOf } from "../method/index.js";
import { rewardStatistics } from "../monitoring/index.js";
import { resolveSurrogate, type StepPlan, SurrogateMethod } from "../policy-gradient/index.js";
import type { Rollout } from "../sampling/index.js";
import { type ExtraState, requireAbove, requireCount } from "../training/index.js";
import type { DDPOOptions } from "./options.js";
import { RewardHistory } from "./reward-history.js";

/**
 * Denoising diffusion policy optimisation (Black et al., arXiv 2305.13301; METHODS 1.3): every step of the sampler is an
 * action, and the score function raises the probability of the steps of samples with a reward above average.
 *
 * **Needs** any reward (black box), random steps, a policy that starts at the base model. The base model itself is run only to
 * report how far the policy has gone.
 *
 * **Loss** -mean_i sum_k min(rho_ik A_i, clip(rho_ik, 1 - c, 1 + c) A_i) with rho = p_theta(x_{k+1} | x_k) / p_old and
 * A = (R - mean) / (std + 1e-4), per condition with `groupSize` (statistics of the last `historySize` rewards of each group once there
 * are `leastHistory`), clipped to +-5. `estimator: "score"` is the same without ratios: -mean_i sum_k A_i log p_theta.
 *
 * **Converges to** nothing short of the largest reward: there is no anchor to the base model, so the policy leaves the data
 * sooner or later. With a reward without a bound it diverges. Stop early; `maxKlPath` does it at a path KL of 50.
 *
 * **Knobs** of `rewardScale` only the sign counts: there is no lambda. Learning rate and number of iterations decide how far it goes.
 * `logProbReduction: "mean"` with `ratioClip: 1e-4` is the public code's; the sum is the true ratio, with c = .1 to .2.
 * `leastDeviation` and `skipLastSteps` hold ratios of steps with hardly any noise back.
 *
 * **Cost** a rollout of policy and base model, and a forward and backward of the policy a step and pass (one forward more in
 * updates after the first). Keeps states, outputs and noises: 4 N d numbers a sample.
 *
 * **Pitfalls** KL and reward rise together until the samples are worthless: judge with held-out rewards. Rewards that are all alike
 * in a group say nothing about it.
 */
export class DDPO<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> extends SurrogateMethod<
  D,
  C
> {
  readonly name = "ddpo";
  protected readonly title = "DDPO";
  protected readonly isAnchored = false;
  private readonly history: RewardHistory;
  private readonly historySettings: { advantageClip: number; historySize: number; leastHistory: number };

  /** @throws ArgumentError for an option out of range */
  constructor(options: DDPOOptions<D, C>) {
    const { estimator = "importance", advantageClip = 5, historySize = 32, leastHistory = 16 } = options;
    requireOneOf("estimator", estimator, ["importance", "score"]);
    requireAbove("advantageClip", advantageClip, 0);
    requireCount("historySize", historySize, 0);
    requireCount("leastHistory", leastHistory);
    const surrogate = resolveSurrogate(options, {
      estimator,
      logProbReduction: "sum",
      skipLastSteps: 0,
      averageSteps: false,
    });
    super(options, surrogate, { iterations: 100, batchSize: 128, maxKlPath: 50 });
    this.historySettings = { advantageClip, historySize, leastHistory };
    const { groupSize } = this;
    this.history = new RewardHistory({ groupSize, historySize, leastHistory, clip: advantageClip });
  }

  cite(): string {
    return citation;
  }

  protected plan({ rewards, valids, transitions }: Rollout<D, C>): StepPlan {
    const sign = Math.sign(this.environment.rewardScale);
    const advantages = this.history.standardize(rewards, valids).map((value) => sign * value);
    const { std } = rewardStatistics(Float32Array.from(advantages), valids);
    return { advantages: transitions.map(() => advantages), metrics: { advantage_std: std } };
  }

  protected override settings(): { readonly [name: string]: Json } {
    return { ...super.settings(), ...this.historySettings };
  }

  protected override extraState(): ExtraState {
    return { values: { ...super.extraState().values, history: this.history.state() } };
  }

  protected override restoreExtra(arrays: unknown, values: { readonly [name: string]: Json }): void {
    super.restoreExtra(arrays, values);
    this.history.restore(values.history as number[][]);
  }
}

const citation = `@inproceedings{black2024training,
  title = {Training Diffusion Models with Reinforcement Learning},
  author = {Black, Kevin and Janner, Michael and Du, Yilun and Kostrikov, Ilya and Levine, Sergey},
  booktitle = {International Conference on Learning Representations},
  year = {2024}
}`;
