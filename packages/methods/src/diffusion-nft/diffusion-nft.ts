import {
  type Coefficient,
  type DDTensor,
  type DiffusionData,
  type NoConditioning,
  type Scheduler,
  throwIfAborted,
} from "@diffusiongym/core";
import { EndpointMethod, joinTargets, perRow, type RowChunk } from "../endpoint-regression/index.js";
import { type Json, type Metrics, requireOneOf, underPrefix, withPrefix } from "../method/index.js";
import type { TrainablePolicy } from "../policies/index.js";
import { combineCoefficients } from "../rows/index.js";
import { advantages } from "../statistics/index.js";
import {
  type ExtraState,
  type RequirementCheck,
  requireAbove,
  requireBetween,
  requireCount,
  rewardMetrics,
  velocityWeights,
} from "../training/index.js";
import type { DiffusionNftOptions } from "./options.js";
import { negativeAwareTarget, type Optimality, optimality } from "./targets.js";

/**
 * DiffusionNFT, negative-aware fine-tuning (arXiv 2509.16117; METHODS 1.5): samples of an old policy are noised afresh, and the
 * policy is pulled towards good ones and pushed away from bad ones.
 *
 * **Needs** any reward and a policy; a frozen "old" copy is kept. Any sampler, no SDE; the base model only for `referencePenalty`.
 *
 * **Loss** mean[q |v_plus - u_c|^2 + (1 - q) |v_minus - u_c|^2] with v_plus = (1 - nu) v_old + nu v_theta, v_minus = (1 + nu) v_old - nu
 * v_theta and q = 1/2 + 1/2 clip((r - mean) / Z, -1, 1), plus `referencePenalty` |v_theta - v_ref|^2. Then old = gamma old + (1 - gamma)
 * theta.
 *
 * **Converges to** nothing. The minimiser of one step is v_old + (2 / nu) Cov(q, u_c | x_t), about a tilt by 1 / (nu Z) inside the clip
 * (`lambda_step`), linear in r; with the old policy replaced, 1, 2, 3, 5 steps on three modes are worth .40, .88, 1.5, 3.3 lambda, and
 * then it collapses onto a point. With nu = 0.1 one step already does. With `referencePenalty` it has a stationary point, which is not
 * a tilt.
 *
 * **Knobs** only the sign of `rewardScale` matters: Z undoes its size. `strength`, `oldDecay` and the number of iterations decide how
 * far it goes; stop early, on `reward` or on the path KL of an evaluation.
 *
 * **Cost** batchSize endpoints and rewards an iteration; old and new policy forward, and one regression, on batchSize * noisings rows an
 * update. Stores a copy of the parameters.
 *
 * **Pitfalls** where most rewards are clipped (`clipped_fraction`) their size says nothing any more. Z is that of the batch, so lambda_step
 * grows while the policy concentrates, and differs between prompts of different spread.
 *
 * **Metrics** `lambda_step`, `optimality_scale` (Z), `clipped_fraction`, `old_decay`.
 */
export class DiffusionNft<
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> extends EndpointMethod<D, C> {
  readonly name = "diffusion-nft";
  protected readonly title = "DiffusionNFT";
  private readonly strength: number;
  private readonly groupSize: number;
  private readonly normalization: "std" | "max";
  private readonly updatesPerIteration: number;
  private readonly oldDecay: (iteration: number) => number;
  private readonly referencePenalty: number;
  private readonly weighting: "velocity" | "endpoint-error";
  /** Who draws the samples. */
  private readonly old: TrainablePolicy<D, C>;

  /** @throws ArgumentError for an option out of range */
  constructor(options: DiffusionNftOptions<D, C>) {
    const { updatesPerIteration = 1 } = options;
    requireCount("updatesPerIteration", updatesPerIteration);
    super(options, { iterations: 300, batchSize: 256, updatesPerIteration, learningRate: 3e-3, solverSteps: 12 });
    const { strength = 1, groupSize = 0, normalization = "std", oldDecay = defaultDecay } = options;
    const { referencePenalty = 0, weighting = "velocity" } = options;
    requireAbove("strength", strength, 0);
    requireCount("groupSize", groupSize, 0);
    requireOneOf("normalization", normalization, ["std", "max"]);
    requireOneOf("weighting", weighting, ["velocity", "endpoint-error"]);
    requireBetween("referencePenalty", referencePenalty, 0, Number.MAX_VALUE);
    if (typeof oldDecay === "number") {
      requireBetween("oldDecay", oldDecay, 0, 1);
    }
    this.strength = strength;
    this.groupSize = groupSize;
    this.normalization = normalization;
    this.updatesPerIteration = updatesPerIteration;
    this.oldDecay = typeof oldDecay === "number" ? () => oldDecay : oldDecay;
    this.referencePenalty = referencePenalty;
    this.weighting = weighting;
    this.old = this.policy.withParameters(this.policy.parameters.clone());
  }

  cite(): string {
    return citation;
  }

  protected *requirements(): Iterable<RequirementCheck> {}

  protected async advance(signal: AbortSignal | undefined): Promise<Metrics> {
    const { rewardScale } = this.environment;
    throwIfAborted(signal, "Training");
    const endpoints = await this.drawBatch(signal, this.old);
    const { rewards, valids } = endpoints;
    const sign = Math.sign(rewardScale);
    const centred = advantages(rewards, valids, { groupSize: this.groupSize }).values.map((value) => sign * value);
    const judged = optimality(centred, valids, this.normalization);
    const batch = { ...endpoints, x1: endpoints.latent };
    let metrics: Metrics = {};
    for (let update = 0; update < this.updatesPerIteration; update++) {
      const loss = await this.regressUpdate(batch, judged, update);
      metrics = { loss, ...this.updateParameters() };
    }
    const decay = this.oldDecay(this.iteration);
    this.moveOld(decay);
    return {
      ...rewardMetrics(endpoints, rewardScale),
      ...metrics,
      optimality_scale: judged.scale,
      lambda_step: judged.scale > 0 ? sign / (this.strength * judged.scale) : 0,
      clipped_fraction: judged.clippedFraction,
      old_decay: decay,
    };
  }

  protected settings(): { readonly [name: string]: Json } {
    return {
      ...this.endpointSettings(),
      strength: this.strength,
      groupSize: this.groupSize,
      normalization: this.normalization,
      updatesPerIteration: this.updatesPerIteration,
      oldDecay: Array.from({ length: Math.min(10, this.iterations) }, (_, k) =>
        this.oldDecay(Math.floor((k * this.iterations) / 10)),
      ),
      referencePenalty: this.referencePenalty,
      weighting: this.weighting,
    };
  }

  protected override extraState(): ExtraState {
    return { arrays: withPrefix("old", this.old.parameters.state()) };
  }

  protected override restoreExtra(arrays: ReadonlyMap<string, Float32Array>): void {
    this.old.parameters.restore(underPrefix("old", arrays));
  }

  /** One update's gradients; returns the loss with all that no parameter changes. */
  private async regressUpdate(
    batch: Parameters<EndpointMethod<D, C>["noise"]>[0] & { readonly valids: Uint8Array },
    judged: Optimality,
    update: number,
  ): Promise<number> {
    const { strength, referencePenalty } = this;
    const { baseModel: model } = this.environment;
    const rows = this.noise(batch, update);
    const valid = perRow(rows, batch.valids).reduce((sum, flag) => sum + flag, 0);
    const share = rows.t.length / Math.max(1, valid);
    let remainders = 0;
    const loss = await this.regressRows(rows, async (chunk) => {
      const { xt, t, conditioning, base, target: conditional } = chunk;
      const old = await this.old.forward(xt, t, conditioning, base);
      const own = perRow(chunk, judged.values);
      const counted = perRow(chunk, batch.valids).map((flag) => flag * share);
      const weight = combineCoefficients([await this.rowWeights(chunk), counted], (w, count) => w * count);
      const speed = velocityWeights(model, t);
      const reach = combineCoefficients([weight, speed, own], (w, unit, q) => Math.sqrt(4 * q * (1 - q) * w * unit));
      remainders += sum(
        conditional
          .linearCombination(1, [[-1, old]])
          .scale(reach)
          .squaredNorm(),
      );
      const pull = {
        target: negativeAwareTarget({ old, conditional }, own, strength),
        weight: combineCoefficients([weight], (w) => w * strength ** 2),
      };
      if (referencePenalty === 0) {
        return { targets: pull.target, weights: pull.weight };
      }
      const anchor = {
        target: await base.baseOutput(),
        weight: counted.map((count) => count * referencePenalty),
      };
      const joined = joinTargets(pull, anchor, speed);
      remainders += sum(joined.remainder);
      return joined;
    });
    return loss + remainders / rows.t.length;
  }

  /** 1, or (d D / d v)^2 over the mean absolute error of the endpoint that the policy predicts. */
  private async rowWeights({ xt, t, conditioning, base, target }: RowChunk<D, C>): Promise<Coefficient> {
    if (this.weighting === "velocity") {
      return 1;
    }
    const { scheduler } = this.environment.baseModel;
    const reach = (part: Scheduler, time: number): number => (part.beta(time) / part.wronskian(time)) ** 2;
    const squared = scheduler.evaluateBatch(reach, t);
    const toEndpoint = combineCoefficients([squared, velocityWeights(this.environment.baseModel, t)], (a, b) =>
      Math.sqrt(a * b),
    );
    const output = await this.policy.forward(xt, t, conditioning, base);
    const miss = output.linearCombination(1, [[-1, target]]).scale(toEndpoint);
    const absolute = miss.mul(miss).pow(0.5).aggregate("mean");
    return combineCoefficients([squared, absolute], (a, error) => a / Math.max(error, leastError));
  }

  private moveOld(decay: number): void {
    const old = this.old.parameters.data;
    const { data } = this.policy.parameters;
    for (let i = 0; i < old.length; i++) {
      old[i] = decay * old[i]! + (1 - decay) * data[i]!;
    }
  }
}

/** Errors below this are not divided by. */
const leastError = 1e-5;

function defaultDecay(iteration: number): number {
  return Math.min(0.001 * iteration, 0.5);
}

function sum(values: ArrayLike<number>): number {
  return Array.from(values).reduce((total, value) => total + value, 0);
}

const citation = `@article{zheng2025diffusionnft,
  title = {DiffusionNFT: Online Diffusion Reinforcement with Forward Process},
  author = {Zheng, Kaiwen and Chen, Huayu and Ye, Haotian and Wang, Haoxiang and Zhang, Qinsheng and Jiang, Kai and Su, Hang and Ermon, Stefano and Zhu, Jun and Liu, Ming-Yu},
  journal = {arXiv preprint arXiv:2509.16117},
  year = {2025}
}`;
