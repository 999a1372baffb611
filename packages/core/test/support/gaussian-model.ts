import {
  BaseModel,
  type Coefficient,
  type DiffusionData,
  type ModelInput,
  type NoConditioning,
  type OutputType,
  outputAlgebra,
  type SampleStreams,
  type Scheduler,
  type SchedulerLike,
} from "@diffusiongym/core";

/** What a `GaussianModel` needs. */
export interface GaussianModelOptions<D> {
  /** A batch of n samples, whatever its contents; the first is sample `offset` of the seed. */
  readonly template: (n: number, offset: number) => D;
  readonly scheduler: SchedulerLike;
  /** @default "velocity" */
  readonly outputType?: OutputType;
  /** Mean of every entry of the data. @default 1 */
  readonly mean?: number;
  /** Standard deviation of every entry of the data. @default 0.5 */
  readonly standardDeviation?: number;
}

/**
 * The exact model of data whose entries are independent N(mean, standardDeviation^2), for any data type, scheduler and
 * output: with V = alpha^2 s^2 + beta^2, E[x1 | x] = (alpha s^2 x + beta^2 mean) / V and E[x0 | x] = beta (x - alpha mean) / V.
 */
export class GaussianModel<D extends DiffusionData<D>, C extends object = NoConditioning> extends BaseModel<D, C> {
  readonly outputType: OutputType;
  readonly scheduler: SchedulerLike;
  readonly mean: number;
  readonly standardDeviation: number;

  constructor(readonly options: GaussianModelOptions<D>) {
    super();
    this.outputType = options.outputType ?? "velocity";
    this.scheduler = options.scheduler;
    this.mean = options.mean ?? 1;
    this.standardDeviation = options.standardDeviation ?? 0.5;
  }

  sampleP0(n: number, streams: SampleStreams, conditioning: Partial<C>): ModelInput<D, C> {
    return { x: this.options.template(n, streams.offset).randnLike(streams), conditioning: conditioning as C };
  }

  forward(x: D, t: Float32Array, _conditioning: C): D {
    const at = (f: (pair: AffinePair) => number): Coefficient =>
      this.scheduler.evaluateBatch((scheduler, time) => f(this.output(scheduler, time)), t);
    return x.linearCombination(
      at(({ slope }) => slope),
      [[at(({ offset }) => offset), x.onesLike()]],
    );
  }

  /** The output as slope * x + offset. */
  output(scheduler: Scheduler, t: number): AffinePair {
    const [alpha, beta, mean] = [scheduler.alpha(t), scheduler.beta(t), this.mean];
    const variance = alpha ** 2 * this.standardDeviation ** 2 + beta ** 2;
    if (this.outputType === "score") {
      return { slope: -1 / variance, offset: (alpha * mean) / variance };
    }
    const factors = outputAlgebra[this.outputType].fromPair(scheduler, t);
    return {
      slope: (factors.endpoint * alpha * this.standardDeviation ** 2 + factors.epsilon * beta) / variance,
      offset: (factors.endpoint * beta ** 2 * mean - factors.epsilon * beta * alpha * mean) / variance,
    };
  }
}

/** slope * x + offset. */
export interface AffinePair {
  readonly slope: number;
  readonly offset: number;
}
