import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import { eulerMaruyamaKernel, type TransitionKernel } from "../kernels/index.js";
import { type Json, type Metrics, RequirementError, requireOneOf } from "../method/index.js";
import type { DifferentiableModel } from "../policies/index.js";
import {
  groupsOfSteps,
  repeatConditioning,
  repeatEach,
  stackCoefficients,
  stackData,
  timesPerSample,
} from "../rows/index.js";
import { type Rollout, rewardGradient } from "../sampling/index.js";
import { quantile } from "../statistics/index.js";
import {
  type ExtraState,
  needsDifferentiableModel,
  needsDifferentiablePostprocess,
  needsDifferentiableReward,
  needsMemorylessKernel,
  PolicyMethod,
  type RequirementCheck,
  requireBetween,
  requireCount,
  rolloutMetrics,
} from "../training/index.js";
import { adjointMetrics, type MatchedStep } from "./adjoint-metrics.js";
import { type AdjointIndex, leanAdjoint } from "./lean-adjoint.js";
import type { AdjointMatchingOptions } from "./options.js";
import { chooseSteps } from "./step-choice.js";

/**
 * Adjoint matching (Domingo-Enrich et al., arXiv 2409.08861; METHODS 1.2): learns the optimal control by regression on the
 * adjoint of the reward's gradient.
 *
 * **Needs** a differentiable reward, a base model that is differentiable with respect to the state (`vjp`), memoryless
 * steps, a policy that starts at the base model.
 *
 * **Loss** sum over steps of 1/2 mean_i |w_k + s_k a_{k+1}|^2, where w is the policy's shift of the mean in standard
 * deviations s (w = sqrt(dt) u, s = sigma sqrt(dt) for Euler-Maruyama: then dt/2 |u + sigma a|^2) and a the lean adjoint, the
 * gradient of the terminal cost -lambda r carried back through the *base* model's steps. As a regression of the output: onto
 * out_ref - (s^2 / g) a with weight g^2 / (2 s^2), g = d mean / d out.
 *
 * **Converges to** the tilt p(x) exp(lambda r(x)) / Z in continuous time; on a grid of N Euler-Maruyama steps to .93, .965,
 * .985 of lambda at N = 10, 20, 50 on a mixture of three modes. With `adjointIndex: "current"` to .61, .78, .90.
 *
 * **Knobs** lambda is the environment's `rewardScale`; it is not changed by anything else. `lossSteps` saves time and adds
 * noise; `clipQuantile` biases towards a smaller tilt.
 *
 * **Cost** an iteration runs policy and base model once a step, one vector-Jacobian product of the base model a step, and one
 * regression on all states (or on `lossSteps` of them).
 *
 * **Pitfalls** between separated modes the adjoints are heavy-tailed: the top 1 % of the paths carry a third of the signal or
 * more (`adjoint_top1_q1` ... `q4`). So gradients are not clipped, Adam does better with a second moment that remembers the
 * rare ones (beta2 = .9999), many small batches at a high learning rate beat few large ones, and value matching or
 * path-weighted tilt matching re-weigh modes better. Rewards that are constant almost everywhere have no gradient and are
 * refused.
 */
export class AdjointMatching<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends PolicyMethod<D, C> {
  readonly name = "adjoint-matching";
  protected readonly title = "Adjoint matching";
  private readonly adjointIndex: AdjointIndex;
  private readonly lossSteps: number | undefined;
  private readonly clipQuantile: number | undefined;
  private readonly steps: TransitionKernel;
  private clipLevel: number | undefined;

  /** @throws ArgumentError for an option out of range */
  constructor(options: AdjointMatchingOptions<D, C>) {
    // Clipping would take away the rare large gradients that carry the signal between modes.
    super(options, { iterations: 1000, batchSize: 128, maxGradientNorm: Number.POSITIVE_INFINITY });
    const { adjointIndex = "next", lossSteps, clipQuantile, kernel } = options;
    requireOneOf("adjointIndex", adjointIndex, ["next", "current"]);
    if (lossSteps !== undefined) {
      requireCount("lossSteps", lossSteps);
    }
    if (clipQuantile !== undefined) {
      requireBetween("clipQuantile", clipQuantile, 0, 1);
    }
    this.adjointIndex = adjointIndex;
    this.lossSteps = lossSteps;
    this.clipQuantile = clipQuantile;
    this.steps = kernel ?? eulerMaruyamaKernel(this.environment.noiseSchedule);
  }

  cite(): string {
    return citation;
  }

  protected override get kernel(): TransitionKernel {
    return this.steps;
  }

  protected *requirements(): Iterable<RequirementCheck> {
    const { environment, conditioning } = this.common;
    yield needsMemorylessKernel(this.kernel);
    yield needsDifferentiableReward(environment);
    yield needsDifferentiableModel(environment);
    yield needsDifferentiablePostprocess(environment, conditioning);
  }

  protected async advance(signal: AbortSignal | undefined): Promise<Metrics> {
    const { environment } = this.common;
    const { rewardScale } = environment;
    const rollout = await this.rollOutBatch(signal, { keep: ["outputs"] });
    const terminal = (await rewardGradient(environment, rollout)).scale(-rewardScale);
    this.refuseFlatReward(rollout, terminal);
    const { steps, initial } = await leanAdjoint(
      environment.baseModel as DifferentiableModel<D, C>,
      rollout,
      terminal,
      { index: this.adjointIndex, signal },
    );
    const matched = this.match(rollout, steps);
    const { loss, clippedFraction } = await this.regress(rollout, matched);
    const update = this.updateParameters();
    return {
      ...rolloutMetrics(rollout, rewardScale),
      loss,
      ...update,
      ...adjointMetrics({ matched, terminal, initial, valids: rollout.valids }),
      ...(this.clipQuantile !== undefined && { clipped_fraction: clippedFraction }),
    };
  }

  protected settings(): { readonly [name: string]: Json } {
    return {
      adjointIndex: this.adjointIndex,
      lossSteps: this.lossSteps ?? null,
      clipQuantile: this.clipQuantile ?? null,
      kernel: this.kernel.name,
    };
  }

  protected override extraState(): ExtraState {
    return { values: { clipLevel: this.clipLevel ?? null } };
  }

  protected override restoreExtra(_: unknown, values: { readonly [name: string]: Json }): void {
    this.clipLevel = (values.clipLevel as number | null) ?? undefined;
  }

  /** Rewards that differ while no gradient points anywhere: an indicator, say. */
  private refuseFlatReward({ rewards }: Rollout<D, C>, terminal: D): void {
    if (this.iteration === 0 && terminal.squaredNorm().every((norm) => norm === 0) && new Set(rewards).size > 1) {
      throw new RequirementError(
        "Adjoint matching cannot start: the reward's gradient is 0 at every sample although the rewards differ, so it is constant " +
          "almost everywhere. Use a method for black-box rewards, such as value matching.",
        this.name,
        "a reward with a gradient",
      );
    }
  }

  /** The stochastic steps that enter the loss, with the shifts that their outputs were and should have been. */
  private match(
    { transitions, states, outputs }: Rollout<D, C>,
    adjoints: Awaited<ReturnType<typeof leanAdjoint<D, C>>>["steps"],
  ): MatchedStep<D>[] {
    const stochastic = transitions.flatMap(({ isStochastic }, k) => (isStochastic ? [k] : []));
    const stream = this.key("steps").fold(this.iteration).stream();
    return chooseSteps(stochastic, this.lossSteps ?? stochastic.length, stream).map(({ step, weight }) => {
      const transition = transitions[step]!;
      const { adjoint, reference } = adjoints[step]!;
      return {
        transition,
        weight,
        x: states[step]!,
        adjoint,
        reference,
        shift: transition.shift(outputs[step]!, reference),
        targetShift: adjoint.scale(transition.coefficient(({ deviation }) => -deviation)),
      };
    });
  }

  /** Fits the outputs to out_ref - (s^2 / g) a, a few steps at a time. */
  private async regress(
    { valids, conditioning }: Rollout<D, C>,
    matched: readonly MatchedStep<D>[],
  ): Promise<{ loss: number; clippedFraction: number }> {
    const { policy, batchSize: n, rowsAtOnce } = this.common;
    const kept = this.keptTerms(matched, valids);
    const valid = valids.reduce((sum, flag) => sum + flag, 0);
    let loss = 0;
    for (const [part, group] of groupsOfSteps(matched.length, n, rowsAtOnce).entries()) {
      const steps = group.map((k) => matched[k]!);
      const share = Float32Array.from({ length: group.length * n }, (_, row) => {
        const k = group[Math.floor(row / n)]!;
        return (kept[k]![row % n]! * matched[k]!.weight) / Math.max(1, valid);
      });
      const weights = stackCoefficients(
        steps.map(({ transition }) =>
          transition.coefficient(({ output, deviation }) => output ** 2 / (2 * deviation ** 2)),
        ),
        n,
      );
      const result = await policy.regress({
        x: stackData(steps.map(({ x }) => x)),
        t: repeatEach(
          steps.map(({ transition }) => transition.from),
          n,
        ),
        conditioning: repeatConditioning(conditioning, steps.length, n),
        reference: stackData(steps.map(({ reference }) => reference)),
        targets: stackData(
          steps.map(({ transition, reference, adjoint }) =>
            reference.linearCombination(1, [
              [transition.coefficient(({ output, deviation }) => -(deviation ** 2) / output), adjoint],
            ]),
          ),
        ),
        weights: timesPerSample(weights, share),
        accumulate: part > 0,
      });
      loss += result.loss;
    }
    const terms = kept.length * Math.max(1, valid);
    const left = kept.reduce((sum, row) => sum + row.reduce((count, flag) => count + flag, 0), 0);
    return { loss, clippedFraction: 1 - left / terms };
  }

  /** 1 where a term of the loss counts: the sample is valid, and the term is not clipped. */
  private keptTerms(matched: readonly MatchedStep<D>[], valids: Uint8Array): Uint8Array[] {
    if (this.clipQuantile === undefined) {
      return matched.map(() => valids);
    }
    const roots = matched.map(({ shift, targetShift }) =>
      shift
        .linearCombination(1, [[-1, targetShift]])
        .squaredNorm()
        .map(Math.sqrt),
    );
    const judged = roots.flatMap((row) => Array.from(row).filter((_, i) => valids[i] === 1));
    const level = quantile(judged, this.clipQuantile);
    this.clipLevel = this.clipLevel === undefined ? level : 0.9 * this.clipLevel + 0.1 * level;
    const limit = this.clipLevel;
    return roots.map((row) => Uint8Array.from(row, (root, i) => (root > limit ? 0 : valids[i]!)));
  }
}

const citation = `@inproceedings{domingoenrich2025adjoint,
  title = {Adjoint Matching: Fine-tuning Flow and Diffusion Generative Models with Memoryless Stochastic Optimal Control},
  author = {Domingo-Enrich, Carles and Drozdzal, Michal and Karrer, Brian and Chen, Ricky T. Q.},
  booktitle = {International Conference on Learning Representations},
  year = {2025}
}`;
