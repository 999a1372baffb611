import {
  type DDTensor,
  type DiffusionData,
  type NoConditioning,
  outputAlgebraOf,
  type Scheduler,
} from "@diffusiongym/core";
import { meanPairwiseDistance } from "../evaluation/index.js";
import type { Json, Metrics } from "../method/index.js";
import { fingerprint } from "../method/index.js";
import { type TrainingData, trainingBatch } from "../pretraining/index.js";
import { judge, type Rollout, rewardGradient } from "../sampling/index.js";
import {
  needsDifferentiablePostprocess,
  needsDifferentiableReward,
  noiseEndpoints,
  PolicyMethod,
  type PolicyMethodOptions,
  type RequirementCheck,
  requireAbove,
  requireBetween,
  rolloutMetrics,
} from "../training/index.js";
import { directRewardCitations } from "./citations.js";

/** The pre-training loss that holds a policy near the data. */
export interface DataAnchor<D, C> {
  /** What the base model was trained on, or samples like it. */
  readonly data: TrainingData<D, C>;
  /** Factor of its loss beside the reward's. @default 1 */
  readonly weight?: number;
}

/** Options of `ReFL`. */
export interface ReFLOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  extends PolicyMethodOptions<D, C> {
  /** The endpoint is predicted after a step drawn from this last share of the trajectory, in (0, 1]. @default 0.3 */
  readonly window?: number;
  /** Samples whose reward (times the sign of lambda) is above it are left in peace: the loss is max(0, margin - r). @default none */
  readonly margin?: number;
  /** Adds the loss of pre-training. @default none */
  readonly anchor?: DataAnchor<D, C>;
}

/**
 * ReFL (Xu et al., arXiv 2304.05977; METHODS 1.6): stops at a random late step, predicts the endpoint from there at once, and
 * follows the reward's gradient at that prediction into the policy.
 *
 * **Needs** a differentiable reward that can judge predicted endpoints, which are blurrier than samples. Any sampler.
 *
 * **Loss** mean of -lambda r(D(x_k)), or of |lambda| max(0, margin - sign(lambda) r(D(x_k))) with a margin, D the endpoint that
 * the policy's output implies; plus the loss of pre-training with an `anchor`.
 *
 * **Converges to** nothing but the largest reward, like all methods without an anchor: the run stops itself at `maxKlPath`,
 * 100 by default.
 *
 * **Cost** a rollout and one backward pass through the policy.
 */
export class ReFL<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> extends PolicyMethod<D, C> {
  readonly name = "refl";
  protected readonly title = "ReFL";
  private readonly window: number;
  private readonly margin: number;
  private readonly anchor: DataAnchor<D, C> | undefined;

  /** @throws ArgumentError for an option out of range */
  constructor(options: ReFLOptions<D, C>) {
    super(options, { iterations: 500, batchSize: 64, maxKlPath: 100 });
    const { window = 0.3, margin = Number.POSITIVE_INFINITY, anchor } = options;
    requireAbove("window", window, 0);
    requireBetween("window", window, 0, 1);
    requireAbove("margin", margin, Number.NEGATIVE_INFINITY);
    if (anchor?.weight !== undefined) {
      requireAbove("anchor.weight", anchor.weight, 0);
    }
    this.window = window;
    this.margin = margin;
    this.anchor = anchor;
  }

  cite(): string {
    return directRewardCitations.refl;
  }

  protected *requirements(): Iterable<RequirementCheck> {
    const { environment, conditioning } = this.common;
    yield needsDifferentiableReward(environment);
    yield needsDifferentiablePostprocess(environment, conditioning);
  }

  protected async advance(signal: AbortSignal | undefined): Promise<Metrics> {
    const { environment } = this.common;
    const rollout = await this.rollOutBatch(signal, { keep: ["outputs", "references"] });
    const late = Math.max(1, Math.round(this.window * rollout.transitions.length));
    const step = rollout.transitions.length - 1 - this.key("step").fold(this.iteration).stream().integer(0, late);
    const { loss, margin } = await this.pullEndpoint(rollout, step);
    const anchor = await this.pullToData();
    const diversity = meanPairwiseDistance(rollout.sample, this.key("diversity").fold(this.iteration).stream())?.mean;
    return {
      ...rolloutMetrics(rollout, environment.rewardScale),
      loss: loss + anchor,
      ...this.updateParameters(),
      stop_time: rollout.transitions[step]!.from,
      ...(Number.isFinite(this.margin) && { margin_fraction: margin }),
      ...(this.anchor !== undefined && { anchor_loss: anchor }),
      ...(diversity !== undefined && { diversity }),
    };
  }

  protected settings(): { readonly [name: string]: Json } {
    const { window, margin, anchor } = this;
    return {
      window,
      margin: Number.isFinite(margin) ? margin : null,
      anchor: anchor === undefined ? null : { weight: anchor.weight ?? 1, data: fingerprint(anchor.data) },
    };
  }

  /** The reward's gradient at the endpoints predicted from a step, back into the policy. */
  private async pullEndpoint(
    { transitions, states, outputs, references, conditioning }: Rollout<D, C>,
    step: number,
  ): Promise<{ loss: number; margin: number }> {
    const { environment, policy } = this.common;
    const { rewardScale, scheduler, outputType } = environment;
    const x = states[step]!;
    const time = transitions[step]!.from;
    const map = (part: Scheduler, t: number) => outputAlgebraOf(outputType).endpoint(part, t);
    const gain = scheduler.evaluate((part, t) => map(part, t).output, time);
    const endpoint = x.linearCombination(
      scheduler.evaluate((part, t) => map(part, t).state, time),
      [[gain, outputs[step]!]],
    );
    const judged = await judge(environment, endpoint, conditioning);
    const { rewards, valids } = judged;
    const valid = Math.max(
      1,
      valids.reduce((sum, flag) => sum + flag, 0),
    );
    const sign = Math.sign(rewardScale);
    const active = Float32Array.from(rewards, (reward, i) => (sign * reward < this.margin ? valids[i]! / valid : 0));
    const gradient = await rewardGradient(environment, judged);
    await policy.backward({
      x,
      t: new Float32Array(x.length).fill(time),
      conditioning,
      reference: references[step]!,
      cotangents: gradient.scale(active.map((share) => -rewardScale * share)).scale(gain),
    });
    const offset = Number.isFinite(this.margin) ? Math.abs(rewardScale) * this.margin : 0;
    const loss = active.reduce((sum, share, i) => sum + share * (offset - rewardScale * rewards[i]!), 0);
    const at = active.reduce((count, share) => count + (share > 0 ? 1 : 0), 0);
    return { loss, margin: 1 - at / valid };
  }

  /** The loss of pre-training on a batch of data, added to the gradients; 0 without an anchor. */
  private async pullToData(): Promise<number> {
    if (this.anchor === undefined) {
      return 0;
    }
    const { environment, policy, batchSize: n } = this.common;
    const { data, weight = 1 } = this.anchor;
    const key = this.key("anchor");
    const batch = await trainingBatch(data, this.iteration * n, n, key);
    const noised = noiseEndpoints({ model: environment.baseModel, x1: batch.x1, key: key.fold(this.iteration) });
    const { loss } = await policy.regress({
      x: noised.xt,
      t: noised.t,
      conditioning: batch.conditioning ?? ({} as C),
      targets: noised.target,
      weights: weight / n,
      accumulate: true,
    });
    return loss;
  }
}
