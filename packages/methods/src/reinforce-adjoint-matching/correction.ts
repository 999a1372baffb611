import type { BaseModel, Coefficient, DiffusionData } from "@diffusiongym/core";
import type { RowChunk, RowTargets } from "../endpoint-regression/index.js";
import type { Metrics } from "../method/index.js";
import type { TrainablePolicy } from "../policies/index.js";
import { combineCoefficients } from "../rows/index.js";
import { velocityWeights } from "../training/index.js";
import type { LearnedBaseline } from "./baselines.js";
import { controlEnergy, type IntermediateNoisings, pathCostDirection, sliceIntermediate } from "./intermediate.js";
import { reinforceTarget } from "./targets.js";

/** What the targets of one iteration are made of. */
export interface CorrectionOptions<D extends DiffusionData<D>, C extends object> {
  readonly model: BaseModel<D, C>;
  readonly policy: TrainablePolicy<D, C>;
  /** Where the correction starts, in place of the base model. */
  readonly start: TrainablePolicy<D, C> | undefined;
  /** The covariance is that of the base model, whose output takes the policy's place in the target. */
  readonly explicit: boolean;
  readonly rewardBaseline: LearnedBaseline<D, C> | undefined;
  readonly costBaseline: LearnedBaseline<D, C> | undefined;
  readonly maxCost: number;
  readonly maxCorrection: number;
  /** lambda (r - b) of each row, without the conditional part of b. */
  readonly advantages: Float64Array;
  /** 1 where a row counts. */
  readonly valids: Float64Array;
  /** The rows' intermediate states, where the path cost is kept. */
  readonly intermediate: IntermediateNoisings<D> | undefined;
}

/** Computes the targets of an iteration chunk by chunk, and remembers means over its rows for the metrics. */
export class Correction<D extends DiffusionData<D>, C extends object> {
  readonly #options: CorrectionOptions<D, C>;
  readonly #validRows: number;
  #shift = 0;
  #rewardLoss = 0;
  #costLoss = 0;
  #cost = 0;
  #capped = 0;

  constructor(options: CorrectionOptions<D, C>) {
    this.#options = options;
    this.#validRows = Math.max(
      1,
      options.valids.reduce((sum, flag) => sum + flag, 0),
    );
  }

  /** Targets and weights of a chunk; leaves the gradients of the baselines in their networks. */
  async plan(chunk: RowChunk<D, C>): Promise<RowTargets<D>> {
    const { xt, t, conditioning, base, target: conditional, from } = chunk;
    const { model, policy, start, explicit, rewardBaseline, intermediate, maxCorrection, valids, advantages } =
      this.#options;
    const to = from + t.length;
    const reference = await (start?.forward(xt, t, conditioning, base) ?? base.baseOutput());
    const output = explicit ? reference : await policy.forward(xt, t, conditioning, base);
    const share = Float32Array.from(valids.subarray(from, to), (flag) => flag / this.#validRows);
    const speed = rootOf(velocityWeights(model, t));
    this.#shift += dot(
      output
        .linearCombination(1, [[-1, reference]])
        .scale(speed)
        .squaredNorm(),
      share,
    );
    let own = advantages.slice(from, to);
    if (rewardBaseline !== undefined) {
      const { values, loss } = await rewardBaseline.regress(chunk, Float32Array.from(own), share);
      this.#rewardLoss += loss;
      own = own.map((value, i) => value - values[i]!);
    }
    let correction = reinforceTarget({ reference: reference.zerosLike(), output, conditional }, own);
    if (intermediate !== undefined) {
      const part = sliceIntermediate(intermediate, from, to);
      const excess = await this.#costAdvantage(chunk, part, share);
      correction = correction.linearCombination(1, [[excess, pathCostDirection(model, part, output)]]);
    }
    const factors = Float64Array.from(correction.scale(speed).squaredNorm(), (square) =>
      Math.min(1, maxCorrection / Math.max(Math.sqrt(square), Number.MIN_VALUE)),
    );
    this.#capped += dot(
      factors.map((factor) => (factor < 1 ? 1 : 0)),
      share,
    );
    return {
      targets: reference.linearCombination(1, [[factors, correction]]),
      weights: valids.subarray(from, to).map((flag) => (flag * valids.length) / this.#validRows),
    };
  }

  /** Means over the valid rows of all chunks. */
  metrics(): Metrics {
    const { rewardBaseline, costBaseline, intermediate } = this.#options;
    return {
      output_shift: Math.sqrt(this.#shift),
      ...(rewardBaseline && { reward_baseline_loss: this.#rewardLoss }),
      ...(intermediate && { cost_mean: this.#cost, capped_fraction: this.#capped }),
      ...(costBaseline && { cost_baseline_loss: this.#costLoss }),
    };
  }

  /** C - b_C of each row: the baseline is learned, or the mean over the chunk. */
  async #costAdvantage(
    chunk: RowChunk<D, C>,
    { xs, s, costFactor }: IntermediateNoisings<D>,
    share: Float32Array,
  ): Promise<Float64Array> {
    const { conditioning } = chunk;
    const { model, policy, costBaseline, maxCost } = this.#options;
    const reference = await model.forward(xs, s, conditioning);
    const output = await policy.forward(xs, s, conditioning, { baseOutput: () => reference });
    const energy = controlEnergy(model, output.linearCombination(1, [[-1, reference]]), s);
    const cost = Float32Array.from(energy, (value, i) => Math.min(maxCost, costFactor[i]! * value));
    const sum = dot(cost, share);
    this.#cost += sum;
    if (costBaseline === undefined) {
      const mean = sum / Math.max(dot(new Float32Array(share.length).fill(1), share), Number.MIN_VALUE);
      return Float64Array.from(cost, (value) => value - mean);
    }
    const { values, loss } = await costBaseline.regress(chunk, cost, share);
    this.#costLoss += loss;
    return Float64Array.from(cost, (value, i) => value - values[i]!);
  }
}

function rootOf(coefficient: Coefficient): Coefficient {
  return combineCoefficients([coefficient], (value) => Math.sqrt(value));
}

function dot(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i]! * weights[i]!;
  }
  return sum;
}
