import type { DiffusionData } from "@diffusiongym/core";
import type { TransitionKernel } from "../kernels/index.js";
import { eulerMaruyamaKernel } from "../kernels/index.js";
import type { Json, Metrics } from "../method/index.js";
import type { Rollout } from "../sampling/index.js";
import {
  type ExtraState,
  needsStochasticKernel,
  PolicyMethod,
  type PolicyMethodDefaults,
  type RequirementCheck,
  rolloutMetrics,
} from "../training/index.js";
import { backwardAlong, outputsAlong, type Paths, type StepWeights, takePaths } from "./along-steps.js";
import { clippedTerm, RatioStatistics } from "./clipped-ratio.js";
import { ObjectiveRule } from "./objective-rule.js";
import { type PathGradientOptions, requireGroups, type SurrogateSettings } from "./options.js";
import { refuseStaleRollout } from "./stale-rollout.js";

/** What a method makes of a rollout before its updates: constants all. */
export interface StepPlan {
  /** A of every step (all N of them) and sample: how the step's log-probability is to move, in units of the loss. */
  readonly advantages: readonly ArrayLike<number>[];
  /** Factors of every step's KL_k and sample, where the loss holds it. */
  readonly costs?: readonly ArrayLike<number>[];
  /** What the method reports beside. */
  readonly metrics: Metrics;
}

/**
 * The loop that DDPO, Flow-GRPO and REINFORCE share: roll out, weigh every step of every sample by an advantage, and follow
 *
 *     loss = -mean_i sum_k min(rho_ik A_ik, clip(rho_ik) A_ik) + mean_i sum_k c_ik KL_ik
 *
 * once or more, rho being the ratio of the step's probability to the one in the rollout: 1 in the first update, where the
 * gradient is the score function's. What A and c are is the subclass's.
 */
export abstract class SurrogateMethod<D extends DiffusionData<D>, C extends object> extends PolicyMethod<D, C> {
  protected readonly surrogate: SurrogateSettings;
  protected readonly groupSize: number;
  protected readonly groups: number;
  private readonly steps: TransitionKernel;
  private readonly objectiveRule = new ObjectiveRule();

  /** @throws ArgumentError for an option out of range */
  protected constructor(
    options: PathGradientOptions<D, C>,
    surrogate: SurrogateSettings,
    defaults: PolicyMethodDefaults,
  ) {
    super(options, { updatesPerIteration: surrogate.innerEpochs * surrogate.minibatches, ...defaults });
    this.surrogate = surrogate;
    this.groupSize = options.groupSize ?? 0;
    this.groups = requireGroups(this.common.batchSize, this.groupSize);
    this.steps = options.kernel ?? eulerMaruyamaKernel(this.environment.noiseSchedule);
  }

  /** What the updates will follow. */
  protected abstract plan(rollout: Rollout<D, C>): StepPlan;

  /** True where the loss is the objective rewardScale * reward - KL itself, so that it must not fall below the base model's. */
  protected abstract readonly isAnchored: boolean;

  protected override get kernel(): TransitionKernel {
    return this.steps;
  }

  protected *requirements(): Iterable<RequirementCheck> {
    yield needsStochasticKernel(this.environment, this.kernel);
  }

  protected settings(): { readonly [name: string]: Json } {
    return { ...this.surrogate, groupSize: this.groupSize, kernel: this.kernel.name };
  }

  protected override extraState(): ExtraState {
    return { values: { objectives: this.objectiveRule.state() } };
  }

  protected override restoreExtra(_: unknown, { objectives }: { readonly [name: string]: Json }): void {
    this.objectiveRule.restore(objectives!);
  }

  protected async advance(signal: AbortSignal | undefined): Promise<Metrics> {
    const rollout = await this.rollOutBatch(signal, { keep: ["outputs", "references", "noises"] });
    const plan = this.plan(rollout);
    const { innerEpochs } = this.surrogate;
    const ratios = new RatioStatistics();
    let loss = 0;
    let update = { grad_norm: 0, learning_rate: 0 };
    let updates = 0;
    for (let epoch = 0; epoch < innerEpochs; epoch++) {
      for (const part of this.parts(epoch)) {
        loss += await this.descend(rollout, plan, { part, isFresh: updates === 0, ratios });
        const { grad_norm, learning_rate } = this.updateParameters();
        update = { grad_norm: Math.max(update.grad_norm, grad_norm), learning_rate };
        updates += 1;
      }
    }
    const { rewardScale } = this.environment;
    const sampled = rolloutMetrics(rollout, rewardScale);
    if (this.isAnchored) {
      const { baseline } = this;
      this.objectiveRule.check(this.iteration + 1, sampled.objective, { baseline, rewardScale });
    }
    return {
      ...sampled,
      loss: loss / updates,
      ...update,
      ...ratios.metrics(),
      ...plan.metrics,
    };
  }

  /** The samples of each update of a pass; undefined for all of them. */
  private parts(epoch: number): (Int32Array | undefined)[] {
    const { minibatches } = this.surrogate;
    const { batchSize } = this.common;
    if (minibatches === 1) {
      return [undefined];
    }
    const order = this.key("minibatches").fold(this.iteration).fold(epoch).stream().permutation(batchSize);
    return Array.from({ length: minibatches }, (_, part) =>
      order.slice(Math.floor((part * batchSize) / minibatches), Math.floor(((part + 1) * batchSize) / minibatches)),
    ).filter((indices) => indices.length > 0);
  }

  /** Leaves the gradient of the loss in `policy.gradients`. */
  private async descend(
    rollout: Rollout<D, C>,
    plan: StepPlan,
    { part, isFresh, ratios }: { part: Int32Array | undefined; isFresh: boolean; ratios: RatioStatistics },
  ): Promise<number> {
    const { policy, rowsAtOnce } = this.common;
    const { skipLastSteps } = this.surrogate;
    const paths = part === undefined ? rollout : takePaths(rollout, part);
    const last = rollout.transitions.length - skipLastSteps;
    const steps = rollout.transitions.flatMap(({ isStochastic }, k) => (isStochastic && k < last ? [k] : []));
    const request = { policy, paths, steps, rowsAtOnce };
    const select = (batches: readonly D[]): D[] =>
      steps.map((k) => (part === undefined ? batches[k]! : batches[k]!.take(part)));
    const before = select(rollout.outputs);
    const outputs = isFresh ? before : await outputsAlong(request);
    const sampled = isFresh ? undefined : { outputs: before, noises: select(rollout.noises) };
    const weighed = steps.map((k, j) =>
      this.weigh(rollout, plan, { k, j, part, paths, output: outputs[j]!, sampled, ratios, count: steps.length }),
    );
    const mismatch = await backwardAlong({ ...request, outputs, weights: weighed.map(({ weights }) => weights) });
    refuseStaleRollout(mismatch, this.iteration + 1);
    return weighed.reduce((sum, { loss }) => sum + loss, 0);
  }

  /** Loss and weights of one step. */
  private weigh(
    rollout: Rollout<D, C>,
    plan: StepPlan,
    step: WeighedStep<D, C>,
  ): { loss: number; weights: StepWeights } {
    const { estimator, ratioClip, logProbReduction, leastDeviation, averageSteps } = this.surrogate;
    const { k, j, part, paths, output, sampled, ratios, count } = step;
    const rows = part ?? Int32Array.from(rollout.valids.keys());
    const transition = rollout.transitions[k]!;
    const entries = logProbReduction === "sum" ? undefined : output.onesLike().aggregate("sum");
    const valid = rows.reduce((sum, i) => sum + rollout.valids[i]!, 0);
    const scale = 1 / (Math.max(1, valid) * (averageSteps ? count : 1));
    const logRatios =
      sampled &&
      logRatio(transition, { output, before: sampled.outputs[j]!, noise: sampled.noises[j]!, leastDeviation });
    const costs = plan.costs?.[k];
    const klSteps = costs && transition.klStep(output, paths.references[k]!);
    const score = new Float64Array(rows.length);
    const cost = costs && new Float64Array(rows.length);
    let loss = 0;
    for (const [row, i] of rows.entries()) {
      if (rollout.valids[i] !== 1) {
        continue;
      }
      const reduced = (logRatios?.[row] ?? 0) / (entries?.[row] ?? 1);
      const advantage = plan.advantages[k]![i]!;
      const clip = estimator === "score" ? Number.POSITIVE_INFINITY : ratioClip;
      const { value, slope, clipped } = clippedTerm(reduced, advantage, clip);
      ratios.add(reduced, clipped);
      score[row] = (-scale * slope) / (entries?.[row] ?? 1);
      loss -= scale * value;
      if (costs !== undefined) {
        cost![row] = scale * costs[i]!;
        loss += scale * costs[i]! * klSteps![row]!;
      }
    }
    return { loss, weights: { score, cost, leastDeviation } };
  }
}

interface WeighedStep<D, C> {
  readonly k: number;
  readonly j: number;
  readonly part: Int32Array | undefined;
  readonly paths: Paths<D, C>;
  readonly output: D;
  /** Outputs and noises of the rollout at the same rows; undefined where the policy is the rollout's. */
  readonly sampled: { readonly outputs: readonly D[]; readonly noises: readonly D[] } | undefined;
  readonly ratios: RatioStatistics;
  readonly count: number;
}

/**
 * log p_new - log p_old of a step from the difference of the outputs, which loses no digits where they are alike: with
 * w = g (new - old) / s it is noise . w - |w|^2 / 2.
 */
function logRatio<D extends DiffusionData<D>>(
  transition: Rollout<D, object>["transitions"][number],
  { output, before, noise, leastDeviation }: { output: D; before: D; noise: D; leastDeviation: number },
): Float64Array {
  const floor = transition.coefficient(function floorFactor({ deviation }) {
    return deviation === 0 ? 0 : Math.min(1, deviation / leastDeviation);
  });
  const moved = transition.shift(output, before).scale(floor);
  const along = moved.mul(noise.scale(floor)).aggregate("sum");
  const squares = moved.squaredNorm();
  return Float64Array.from(along, (value, i) => value - squares[i]! / 2);
}
