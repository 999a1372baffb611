import type { NoConditioning } from "../conditioning/index.js";
import { type Coefficient, type DDTensor, type DiffusionData, requireBatch } from "../data/index.js";
import { ArgumentError, ShapeError } from "../errors/index.js";
import { type BaseModel, type OutputType, outputAlgebraOf } from "../models/index.js";
import type { ControlPolicy, Policy } from "../policies/index.js";
import type { Reward } from "../rewards/index.js";
import {
  checkGrid,
  memorylessNoise,
  type NoiseSchedule,
  type NoiseScheduleSpec,
  noiseScheduleFromSpec,
  type SchedulerLike,
  type TimeGridChoice,
  timeGrid,
} from "../schedulers/index.js";
import { evaluatorOver, stepCoefficients } from "./coefficients.js";
import { type Drift, type DriftRequest, evaluateDrift, predictEndpoint } from "./drift.js";
import {
  checkCount,
  checkInjected,
  type RolloutOptions,
  type RolloutStep,
  runRollout,
  sliceRolloutOptions,
} from "./rollout.js";
import { Sample } from "./sample.js";
import { eulerMaruyama, type Solver } from "./solver.js";
import { type EnvironmentSpec, specOf } from "./spec.js";

/** How the SDE is run; everything has a default. */
export interface EnvironmentOptions {
  /** Number of steps N. @default 50, or the length of a custom grid less one */
  readonly steps?: number;
  /**
   * Where the steps are: `"interior"`, t_k = (k + 1) / (N + 1); `"reference"`, uniform from 0.02 (good only near 50
   * steps); or the times themselves, increasing and ending at 1. DECISIONS 7.
   * @default "interior"
   */
  readonly timeGrid?: TimeGridChoice;
  /** sigma(t) of the sampling SDE, as an object or its spec. @default the model's own, else memoryless */
  readonly noiseSchedule?: NoiseSchedule | NoiseScheduleSpec;
  /** Factor lambda of the reward in the terminal cost; the target is p(x) exp(lambda r(x)). @default 1 */
  readonly rewardScale?: number;
  /** Accept a grid whose first step enlarges the state, which is refused otherwise. @default false */
  readonly allowExpansiveGrid?: boolean;
  /** How a step is taken. @default Euler-Maruyama */
  readonly solver?: Solver;
}

/** Progress of `sample`. */
export interface SampleProgress {
  /** Steps done, over all batches. */
  readonly completed: number;
  /** Steps in all. */
  readonly total: number;
}

/** Options of `sample`. */
export interface SampleOptions<D, C> extends RolloutOptions<D, C> {
  /** Samples computed at once; does not change any number. @default n */
  readonly batchSize?: number;
  /** Called after every step. */
  readonly onProgress?: (progress: SampleProgress) => void;
}

/**
 * Base model + reward + grid: the SDE dX = (b + sigma u) dt + sigma dB from noise (t = 0) to data (t = 1), with running
 * cost 1/2 |u|^2 and terminal cost -rewardScale * r. Set `policy` or `controlPolicy` to run an adapted model.
 */
export class Environment<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** The frozen model. */
  readonly baseModel: BaseModel<D, C>;
  /** What the samples should be good at. */
  readonly reward: Reward<D, C>;
  /** The time grid t_0 ... t_N; every number is exact in 32 bits, so that models see the very times used. */
  readonly timesteps: Float32Array;
  /** sigma(t) in use. */
  readonly noiseSchedule: NoiseSchedule;
  /** Factor lambda of the reward. */
  readonly rewardScale: number;
  /** How a step is taken. */
  readonly solver: Solver;
  /** Replaces the base model's output; undefined for none. */
  policy: Policy<D, C> | undefined = undefined;
  /** Control of the memoryless process, added on top; undefined for none. */
  controlPolicy: ControlPolicy<D, C> | undefined = undefined;
  private readonly makeSpec: () => EnvironmentSpec;

  /**
   * @throws TimeGridError for a grid that is malformed or whose first step is expansive
   * @throws ArgumentError for a reward scale that is not finite, or a model of unknown output type
   */
  constructor(baseModel: BaseModel<D, C>, reward: Reward<D, C>, options: EnvironmentOptions = {}) {
    const { rewardScale = 1 } = options;
    if (!Number.isFinite(rewardScale)) {
      throw new ArgumentError(`rewardScale must be a finite number, got ${rewardScale}.`, "rewardScale", rewardScale);
    }
    outputAlgebraOf(baseModel.outputType);
    this.baseModel = baseModel;
    this.reward = reward;
    this.rewardScale = rewardScale;
    this.solver = options.solver ?? eulerMaruyama;
    this.noiseSchedule = resolveNoise(options.noiseSchedule ?? baseModel.noiseSchedule ?? memorylessNoise());
    const choice = options.timeGrid ?? "interior";
    const grid = timeGrid(choice, options.steps ?? (typeof choice === "string" ? 50 : undefined));
    checkGrid({
      grid,
      scheduler: baseModel.scheduler,
      noise: this.noiseSchedule,
      allowExpansiveGrid: options.allowExpansiveGrid ?? false,
    });
    this.timesteps = Float32Array.from(grid);
    this.makeSpec = () => specOf(this, options);
  }

  /** The base model's scheduler. */
  get scheduler(): SchedulerLike {
    return this.baseModel.scheduler;
  }

  /** What the base model's `forward` returns. */
  get outputType(): OutputType {
    return this.baseModel.outputType;
  }

  /** Number of steps N. */
  get steps(): number {
    return this.timesteps.length - 1;
  }

  /**
   * A JSON record from which `make` builds an equal environment (without its policies).
   * @throws IncompatibleError when the model or the reward did not come from the registry, or an option is a function
   */
  get spec(): EnvironmentSpec {
    return this.makeSpec();
  }

  /**
   * The drift b + sigma u and the running cost 1/2 |u|^2, policies included.
   * @param x states, n samples
   * @param t times, shape [n]
   * @throws SingularCoefficientError where a coefficient is infinite, as most are at exactly t = 0 or 1
   */
  async drift(x: D, t: Float32Array, conditioning: C): Promise<Drift<D>> {
    return evaluateDrift(this, this.request(x, t, conditioning));
  }

  /** The endpoint E[x1 | x_t = x] that the adapted output implies; DECISIONS 4. */
  async predFinal(x: D, t: Float32Array, conditioning: C): Promise<D> {
    return predictEndpoint(this, this.request(x, t, conditioning));
  }

  /** sigma at each sample's time: shape [n], or a record of such where parts have schedules of their own. */
  diffusion(t: Float32Array): Coefficient {
    return evaluatorOver(this.scheduler, t)((scheduler, time) => this.noiseSchedule.sigma(time, scheduler));
  }

  /**
   * Runs the SDE from noise to data and judges the samples. Noise of sample i at step k is a function of (seed, i, k)
   * only, so neither the batch size nor the order of calls changes a bit.
   * @param n number of samples, 0 included
   */
  async sample(n: number, options: SampleOptions<D, C> = {}): Promise<Sample<D, C>> {
    const { batchSize = Math.max(n, 1), onProgress } = options;
    checkCount("n", n);
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw new ArgumentError(`batchSize must be a whole number >= 1, got ${batchSize}.`, "batchSize", batchSize);
    }
    checkInjected(options, n, this.steps);
    const batches = Math.max(1, Math.ceil(n / batchSize));
    const parts: Sample<D, C>[] = [];
    for (let batch = 0; batch < batches; batch++) {
      const from = batch * batchSize;
      const to = Math.min(from + batchSize, n);
      const rollout = this.rollout(to - from, batches === 1 ? options : sliceRolloutOptions(options, from, to));
      let next = await rollout.next();
      while (!next.done) {
        onProgress?.({ completed: batch * this.steps + next.value.index + 1, total: batches * this.steps });
        next = await rollout.next();
      }
      parts.push(next.value);
    }
    return parts.length === 1 ? parts[0]! : Sample.concat(parts);
  }

  /**
   * The same as `sample`, one step at a time: for plots, progress, or to stop early. The generator returns the `Sample`.
   * @param n number of samples, all in one batch
   */
  rollout(n: number, options: RolloutOptions<D, C> = {}): AsyncGenerator<RolloutStep<D>, Sample<D, C>, undefined> {
    return runRollout(this, n, options);
  }

  /**
   * The same environment under other policies; this one is left as it is.
   * @param policies what replaces the base model's output, and what is added as a control
   */
  withPolicies(policies: { policy?: Policy<D, C>; controlPolicy?: ControlPolicy<D, C> }): Environment<D, C> {
    const copy = Object.create(this) as Environment<D, C>;
    copy.policy = policies.policy;
    copy.controlPolicy = policies.controlPolicy;
    return copy;
  }

  private request(x: D, t: Float32Array, conditioning: C): DriftRequest<D, C> {
    requireBatch(x, "x");
    if (t.length !== x.length) {
      throw new ShapeError(
        `${t.length} times for ${x.length} samples; one a sample is needed.`,
        [x.length],
        [t.length],
      );
    }
    const coefficients = stepCoefficients(this.outputType, this.noiseSchedule, evaluatorOver(this.scheduler, t));
    return { x, times: t, conditioning, coefficients, index: 0, time: t[0] ?? 0, dt: undefined };
  }
}

/** Builds the environment of a model and a reward that did not come from the registry. */
export function constructEnv<D extends DiffusionData<D>, C extends object>(
  baseModel: BaseModel<D, C>,
  reward: Reward<D, C>,
  options: EnvironmentOptions = {},
): Environment<D, C> {
  return new Environment(baseModel, reward, options);
}

function resolveNoise(noise: NoiseSchedule | NoiseScheduleSpec): NoiseSchedule {
  if (typeof noise !== "object" || noise === null) {
    throw new ArgumentError(
      `noiseSchedule must be a noise schedule such as constantNoise(0.5), or its spec such as ` +
        `{ type: "constant", sigma: 0.5 }, got ${String(noise)}.`,
      "noiseSchedule",
      noise,
    );
  }
  return "sigma" in noise && typeof noise.sigma === "function"
    ? (noise as NoiseSchedule)
    : noiseScheduleFromSpec(noise as NoiseScheduleSpec);
}
