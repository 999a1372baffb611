import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import { type Json, requireOneOf } from "../method/index.js";
import {
  centredByGroup,
  costsToCome,
  resolveSurrogate,
  type StepPlan,
  SurrogateMethod,
} from "../policy-gradient/index.js";
import type { Rollout } from "../sampling/index.js";
import { advantages as groupAdvantages } from "../statistics/index.js";
import { requireAbove } from "../training/index.js";
import type { FlowGRPOOptions, StepKlForm } from "./options.js";

/**
 * Flow-GRPO (Liu et al., arXiv 2505.05470; METHODS 1.4): group-relative policy optimisation of the steps of an SDE sampler,
 * with the KL to the base model in the loss. By default the variant that is exact.
 *
 * **Needs** any reward (black box), random steps (`scaledMemorylessNoise(a)`; a = sqrt 2 is memoryless), a policy that starts at
 * the base model. With several conditions, `groupSize` consecutive samples of each.
 *
 * **Loss** -mean_{i,k} min(rho_ik A_ik, clip(rho_ik) A_ik) + beta mean_{i,k} KL_ik, beta = 1 / rewardScale, KL_k = |m - m_ref|^2 / (2 var),
 *
 *     A_ik = R_i - mean - beta (sum_{j>k} KL_ij - mean)      (`klToGo`, the default)
 *
 * with means over the other samples of the group. The published form (`klForm: "flow-grpo"`) is A_i = (R_i - mean) / std, clipped to +-5,
 * log-probabilities and KL averaged over the entries, KL with the variance without the step's length, the last step left out.
 *
 * **Converges to** with `klToGo` and memoryless noise the tilt p(x) exp(lambda r(x)) / Z of the discrete chain: .966 of lambda at
 * N = 20, .986 at N = 50. Without `klToGo` not the tilt: a step's KL gradient ignores what the step does to later KL, and on a
 * mixture at lambda = 1 the iteration has no stable fixed point. With a = .7 the start is remembered: .81 of lambda.
 *
 * **Knobs** lambda is `rewardScale` as long as nothing divides: `normalization: "std"` makes it lambda / std, which grows while the
 * rewards of a group become alike; the published KL divides beta by d and multiplies it by the step's length. `lambda_eff` in the metrics is what results.
 *
 * **Cost** a rollout of policy and base model, and a forward and backward of the policy a step and pass. Keeps 4 N d numbers a sample.
 *
 * **Pitfalls** groups whose rewards are all alike say nothing (`zero_std_fraction`): they keep only their KL. The ODE of the adapted
 * model has another law than the SDE it was trained on.
 */
export class FlowGRPO<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> extends SurrogateMethod<
  D,
  C
> {
  readonly name = "flow-grpo";
  protected readonly title = "Flow-GRPO";
  private readonly klForm: StepKlForm;
  private readonly klToGo: boolean;
  private readonly normalization: "none" | "std";
  private readonly advantageClip: number;

  /** @throws ArgumentError for an option out of range */
  constructor(options: FlowGRPOOptions<D, C>) {
    const { klForm = "exact" } = options;
    requireOneOf("klForm", klForm, ["exact", "flow-grpo"]);
    const published = klForm === "flow-grpo";
    const { klToGo = !published, normalization = published ? "std" : "none" } = options;
    const { advantageClip = published ? 5 : Number.POSITIVE_INFINITY } = options;
    requireOneOf("normalization", normalization, ["none", "std"]);
    requireAbove("advantageClip", advantageClip, 0);
    const surrogate = resolveSurrogate(options, {
      estimator: "importance",
      logProbReduction: published ? "mean" : "sum",
      skipLastSteps: published ? 1 : 0,
      averageSteps: true,
    });
    super(options, surrogate, { iterations: 400, batchSize: 256 });
    this.klForm = klForm;
    this.klToGo = klToGo;
    this.normalization = normalization;
    this.advantageClip = advantageClip;
  }

  protected get isAnchored(): boolean {
    return this.klForm === "exact" && this.normalization === "none";
  }

  cite(): string {
    return citation;
  }

  protected plan(rollout: Rollout<D, C>): StepPlan {
    const { rewards, valids, transitions, klSteps } = rollout;
    const { rewardScale } = this.environment;
    const { groupSize, normalization, advantageClip } = this;
    const judged = groupAdvantages(rewards, valids, { groupSize, normalization, clip: advantageClip });
    const factors = this.klFactors(rollout);
    const costs = klSteps.map((costs, k) => costs.map((cost, i) => cost * factors[k]![i]!));
    const later = costsToCome(costs).map((sums) => centredByGroup(sums, valids, groupSize));
    const sign = Math.sign(rewardScale);
    const size = groupSize || rewards.length;
    const beta = 1 / Math.abs(rewardScale);
    // The others' mean, rather than that of all: public code takes the latter.
    const unbiased = normalization === "none" ? leaveOneOut(valids, size) : undefined;
    const rewardPart = judged.values.map((value, i) => sign * value * (unbiased?.[i] ?? 1));
    return {
      advantages: transitions.map((_, k) =>
        Float64Array.from(rewardPart, (value, i) => value - (this.klToGo ? beta * later[k]![i]! : 0)),
      ),
      costs: factors.map((row) => row.map((factor) => beta * factor)),
      metrics: {
        group_reward_std: judged.groupStd,
        zero_std_fraction: judged.droppedFraction,
        ...this.effectiveScale(rollout, judged.groupStd),
      },
    };
  }

  protected override settings(): { readonly [name: string]: Json } {
    return {
      ...super.settings(),
      klForm: this.klForm,
      klToGo: this.klToGo,
      normalization: this.normalization,
      advantageClip: Number.isFinite(this.advantageClip) ? this.advantageClip : null,
    };
  }

  /** What KL_k is multiplied with: 1, or the step's length over the number of entries. */
  private klFactors({ transitions, latent }: Rollout<D, C>): Float64Array[] {
    const entries = latent.onesLike().aggregate("sum");
    return transitions.map(({ dt }) =>
      Float64Array.from(entries, (count) => (this.klForm === "exact" ? 1 : dt / count)),
    );
  }

  /** The lambda that the loss amounts to; none when no group's rewards differ. */
  private effectiveScale({ transitions, latent }: Rollout<D, C>, groupStd: number): { lambda_eff?: number } {
    if (this.normalization === "std" && groupStd === 0) {
      return {};
    }
    const { rewardScale } = this.environment;
    const entries = latent.onesLike().aggregate("sum");
    const meanEntries = entries.reduce((sum, count) => sum + count, 0) / entries.length;
    const meanStep = (transitions.at(-1)!.to - transitions[0]!.from) / transitions.length;
    const scoreFactor = this.surrogate.logProbReduction === "sum" ? 1 : 1 / meanEntries;
    const costFactor = this.klForm === "exact" ? 1 : meanStep / meanEntries;
    const scale = (rewardScale * scoreFactor) / costFactor;
    return { lambda_eff: this.normalization === "std" ? scale / groupStd : scale };
  }
}

/** count / (count - 1) of each sample's group. */
function leaveOneOut(valids: Uint8Array, size: number): Float64Array {
  const factors = new Float64Array(valids.length);
  for (let from = 0; from < valids.length; from += size) {
    const count = valids.subarray(from, from + size).reduce((sum, flag) => sum + flag, 0);
    factors.fill(count > 1 ? count / (count - 1) : 1, from, from + size);
  }
  return factors;
}

const citation = `@article{liu2025flowgrpo,
  title = {Flow-GRPO: Training Flow Matching Models via Online RL},
  author = {Liu, Jie and Liu, Gongye and Liang, Jiajun and Li, Yangguang and Liu, Jiaheng and Wang, Xintao and Wan, Pengfei and Zhang, Di and Ouyang, Wanli},
  journal = {arXiv preprint arXiv:2505.05470},
  year = {2025}
}`;
