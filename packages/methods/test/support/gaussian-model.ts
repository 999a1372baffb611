import {
  BaseModel,
  DDTensor,
  type ModelInput,
  type NoConditioning,
  OptimalTransport,
  type OutputType,
  outputAlgebra,
  type SampleStreams,
  type Scheduler,
} from "@diffusiongym/core";
import type { DifferentiableModel, StateCotangents } from "@diffusiongym/methods";

/** Options of `GaussianModel`. */
export interface GaussianModelOptions {
  readonly mean?: number;
  readonly deviation?: number;
  readonly outputType?: OutputType;
  readonly scheduler?: Scheduler;
  /** Entries a sample. */
  readonly dimension?: number;
}

/** Independent normal entries as an exact model of any output type, differentiable with respect to the state. */
export class GaussianModel
  extends BaseModel<DDTensor, NoConditioning>
  implements DifferentiableModel<DDTensor, NoConditioning>
{
  override readonly outputType: OutputType;
  override readonly scheduler: Scheduler;
  readonly mean: number;
  readonly deviation: number;
  readonly dimension: number;

  constructor(options: GaussianModelOptions = {}) {
    super();
    this.mean = options.mean ?? 0;
    this.deviation = options.deviation ?? 1;
    this.outputType = options.outputType ?? "velocity";
    this.scheduler = options.scheduler ?? new OptimalTransport();
    this.dimension = options.dimension ?? 1;
  }

  sampleP0(n: number, streams: SampleStreams): ModelInput<DDTensor, NoConditioning> {
    return { x: DDTensor.randn(n, [this.dimension], streams), conditioning: {} };
  }

  forward(x: DDTensor, t: Float32Array): DDTensor {
    const offsets = this.scheduler.evaluateBatch((s, time) => this.affine(s, time).offset, t);
    const slopes = this.scheduler.evaluateBatch((s, time) => this.affine(s, time).slope, t);
    return x.linearCombination(slopes, [[offsets, x.onesLike()]]);
  }

  vjp({ x, t, cotangents }: StateCotangents<DDTensor, NoConditioning>): { output: DDTensor; gradient: DDTensor } {
    const slopes = this.scheduler.evaluateBatch((s, time) => this.affine(s, time).slope, t);
    return { output: this.forward(x, t), gradient: cotangents.scale(slopes) };
  }

  /** out = slope x + offset, from D = mean + alpha s^2 z and epsilon = beta z with z = (x - alpha mean) / C. */
  affine(scheduler: Scheduler, t: number): { slope: number; offset: number } {
    const [alpha, beta] = [scheduler.alpha(t), scheduler.beta(t)];
    const variance = (alpha * this.deviation) ** 2 + beta ** 2;
    const pair = outputAlgebra[this.outputType].fromPair(scheduler, t);
    // -1 / beta times epsilon = beta z, which is finite at t = 1.
    const noise = this.outputType === "score" ? -1 : pair.epsilon * beta;
    const gain = (pair.endpoint * alpha * this.deviation ** 2 + noise) / variance;
    return { slope: gain, offset: pair.endpoint * this.mean - gain * alpha * this.mean };
  }
}

/** A model that cannot be differentiated with respect to its state, as most are not. */
export function withoutGradient(model: GaussianModel): GaussianModel {
  return Object.defineProperty(model, "vjp", { value: undefined });
}
