import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { Json } from "../method/index.js";
import {
  centredByGroup,
  costsToCome,
  type PathGradientOptions,
  resolveSurrogate,
  type StepPlan,
  SurrogateMethod,
} from "../policy-gradient/index.js";
import type { Rollout } from "../sampling/index.js";

/** Options of `Reinforce`. */
export interface ReinforceOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends PathGradientOptions<D, C> {
  /**
   * Weigh a step by the costs after it only; those before it cannot depend on it and are noise.
   * @default true
   */
  readonly toGo?: boolean;
}

/**
 * REINFORCE on the control problem (METHODS 1.9; Williams 1992): the plain gradient of E[sum_k |w_k|^2 / 2 - lambda r] over paths,
 * w = sqrt(dt) u being the policy's shift of a step in standard deviations.
 *
 * **Needs** any reward (black box), random steps, a policy that starts at the base model.
 *
 * **Loss** mean_i sum_k sg[C_ik - b_k] w_ik . noise_ik + |w_ik|^2 / 2, C_ik = sum_{j>k} |w_ij|^2 / 2 - lambda R_i the cost that is still to
 * come, b the mean over the other samples of the group; `noise` is the rollout's. Its gradient is that of the objective, without bias.
 *
 * **Converges to** the optimum of the discrete chain: with memoryless noise the tilt p(x) exp(lambda r(x)) / Z, up to .966 of lambda at
 * N = 20 and .986 at N = 50 steps. With other noise the optimum is not the tilt (.81 of lambda at a = .7).
 *
 * **Knobs** lambda is `rewardScale`, and nothing changes it. Noise of the gradient falls with `batchSize`.
 *
 * **Cost** a rollout of policy and base model, and one forward and backward of the policy a step. Keeps 4 N d numbers a sample.
 *
 * **Pitfalls** the variance grows with the number of steps and with lambda; `LogVariance` has none of it at the optimum. Every rollout
 * serves one update: a second one on the same paths would follow the gradient of another policy (`FlowGRPO` may do so).
 */
export class Reinforce<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends SurrogateMethod<D, C> {
  readonly name = "reinforce";
  protected readonly title = "REINFORCE";
  protected readonly isAnchored = true;
  private readonly toGo: boolean;

  /** @throws ArgumentError for an option out of range */
  constructor(options: ReinforceOptions<D, C>) {
    const surrogate = resolveSurrogate(options, {
      estimator: "score",
      logProbReduction: "sum",
      skipLastSteps: 0,
      averageSteps: false,
    });
    super(options, surrogate, { iterations: 1000, batchSize: 256 });
    this.toGo = options.toGo ?? true;
  }

  cite(): string {
    return citation;
  }

  protected plan({ rewards, valids, transitions, klSteps, klPath }: Rollout<D, C>): StepPlan {
    const { rewardScale } = this.environment;
    const costs = this.toGo ? costsToCome(klSteps) : transitions.map(() => klPath);
    const ones = new Float64Array(rewards.length).fill(1);
    return {
      advantages: costs.map((sums) =>
        centredByGroup(
          sums.map((cost, i) => rewardScale * rewards[i]! - cost),
          valids,
          this.groupSize,
        ),
      ),
      costs: transitions.map(() => ones),
      metrics: {},
    };
  }

  protected override settings(): { readonly [name: string]: Json } {
    return { groupSize: this.groupSize, kernel: this.kernel.name, toGo: this.toGo };
  }
}

const citation = `@article{williams1992simple,
  title = {Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning},
  author = {Williams, Ronald J.},
  journal = {Machine Learning},
  volume = {8},
  pages = {229--256},
  year = {1992}
}
@article{fan2023dpok,
  title = {DPOK: Reinforcement Learning for Fine-tuning Text-to-Image Diffusion Models},
  author = {Fan, Ying and Watkins, Olivia and Du, Yuqing and Liu, Hao and Ryu, Moonkyung and Boutilier, Craig and Abbeel, Pieter and Ghavamzadeh, Mohammad and Lee, Kangwook and Lee, Kimin},
  journal = {arXiv preprint arXiv:2305.16381},
  year = {2023}
}`;
