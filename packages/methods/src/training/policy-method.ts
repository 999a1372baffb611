import type { DiffusionData, Environment } from "@diffusiongym/core";
import { RandomKey } from "@diffusiongym/core";
import { clipGlobalNorm, ExponentialMovingAverage, type Optimizer } from "@diffusiongym/nn";
import { eulerMaruyamaKernel, type TransitionKernel } from "../kernels/index.js";
import {
  environmentIdentity,
  fingerprint,
  type Json,
  type Method,
  type MethodState,
  type Metrics,
  scheduleIdentity,
  TrainingAbortedError,
  underPrefix,
  withPrefix,
} from "../method/index.js";
import { AbortRules, type Baseline, rewardStatistics } from "../monitoring/index.js";
import type { TrainablePolicy } from "../policies/index.js";
import { type Rollout, type RolloutRequest, rollOut } from "../sampling/index.js";
import {
  type PolicyMethodDefaults,
  type PolicyMethodOptions,
  type ResolvedPolicyOptions,
  resolvePolicyOptions,
} from "./options.js";
import {
  needsNoControl,
  needsNoPolicy,
  needsOwnPolicy,
  needsParameters,
  needsRewardScale,
  type RequirementCheck,
  requireAll,
} from "./requirements.js";

/** What a method keeps between iterations beside the parameters. */
export interface ExtraState {
  readonly arrays?: Iterable<readonly [string, Float32Array]>;
  readonly values?: { readonly [name: string]: Json };
}

/**
 * A method that trains a policy: optimizer, running average, seeds, abort rules, checkpoints and metrics are here, so that
 * a subclass says what it needs (`requirements`), what one iteration does (`advance`), and which settings identify it
 * (`settings`).
 *
 * An iteration samples first, then changes parameters. Whatever may be aborted by a signal comes before the first
 * `updateParameters` of an iteration, so that a run that is stopped is always between iterations.
 */
export abstract class PolicyMethod<D extends DiffusionData<D>, C extends object> implements Method {
  abstract readonly name: string;
  /** The name at the beginning of a sentence. */
  protected abstract readonly title: string;
  /** What is trained: its parameters are those of the latest update. */
  readonly policy: TrainablePolicy<D, C>;
  /** The running average of the parameters, when `averageDecay` is given. */
  readonly average: ExponentialMovingAverage | undefined;
  /** What to sample with: `environment.policy = method.adapted`. The running average where there is one, else the policy. */
  readonly adapted: TrainablePolicy<D, C>;
  protected readonly common: ResolvedPolicyOptions<D, C>;
  protected readonly optimizer: Optimizer;
  private readonly rules: AbortRules;
  private readonly rateIdentity: Json;
  private measured: Baseline | undefined;
  private completed = 0;

  /** @throws ArgumentError for an option out of range */
  protected constructor(options: PolicyMethodOptions<D, C>, defaults: PolicyMethodDefaults) {
    this.common = resolvePolicyOptions(options, defaults);
    const { environment, policy, iterations, updates, averageDecay } = this.common;
    this.policy = policy;
    this.optimizer = this.common.makeOptimizer(policy.parameters);
    this.average =
      averageDecay === undefined
        ? undefined
        : new ExponentialMovingAverage(policy.parameters, { decay: averageDecay, warmup: true });
    this.adapted = this.average === undefined ? policy : policy.withParameters(this.average.parameters);
    this.rules = new AbortRules(iterations, Math.sign(environment.rewardScale));
    this.rateIdentity = scheduleIdentity((step) => this.optimizer.learningRateAt(step), updates);
  }

  get iterations(): number {
    return this.common.iterations;
  }

  get iteration(): number {
    return this.completed;
  }

  async validate(): Promise<void> {
    const { environment, policy } = this.common;
    await requireAll(this.name, this.title, [
      needsNoPolicy(environment),
      needsNoControl(environment),
      needsRewardScale(environment),
      needsOwnPolicy(environment, policy),
      needsParameters(policy.parameters, "policy"),
    ]);
    await requireAll(this.name, this.title, this.requirements());
  }

  async iterate(signal?: AbortSignal): Promise<Metrics> {
    const started = performance.now();
    this.measured ??= await this.measureBaseline(signal);
    const metrics = await this.advance(signal);
    this.rules.check(this.completed + 1, metrics, this.measured);
    this.checkDistance(metrics.kl_path);
    this.completed += 1;
    return { ...metrics, step_time: (performance.now() - started) / 1000 };
  }

  state(): MethodState {
    const optimizer = this.optimizer.state();
    const average = this.average?.state();
    const extra = this.extraState();
    return {
      iteration: this.completed,
      arrays: new Map([
        ...withPrefix("policy", this.policy.parameters.state()),
        ...withPrefix("optimizer", optimizer.arrays),
        ...withPrefix("average", average?.arrays ?? new Map()),
        ...withPrefix("extra", new Map(extra.arrays ?? [])),
      ]),
      values: {
        optimizerStep: optimizer.step,
        averageStep: average?.step ?? 0,
        rules: this.rules.state(),
        baseline: this.measured === undefined ? null : { ...this.measured },
        extra: extra.values ?? {},
      },
    };
  }

  restore({ iteration, arrays, values }: MethodState): void {
    this.policy.parameters.restore(underPrefix("policy", arrays));
    this.optimizer.restore({ step: values.optimizerStep as number, arrays: underPrefix("optimizer", arrays) });
    this.average?.restore({ step: values.averageStep as number, arrays: underPrefix("average", arrays) });
    this.rules.restore(values.rules!);
    this.measured = (values.baseline as Baseline | null) ?? undefined;
    this.restoreExtra(underPrefix("extra", arrays), values.extra as { readonly [name: string]: Json });
    this.completed = iteration;
  }

  describe(): { readonly [name: string]: Json } {
    const { environment, policy, conditioning, iterations, batchSize, ...rest } = this.common;
    const { maxGradientNorm, averageDecay, maxKlPath, rowsAtOnce, seed } = rest;
    return {
      environment: environmentIdentity(environment),
      steps: environment.steps,
      rewardScale: environment.rewardScale,
      policy: policy.describe(),
      parameters: policy.parameters.shapes().map(({ name, shape }) => ({ name, shape })),
      optimizer: { ...this.optimizer.describe() },
      learningRate: this.rateIdentity,
      iterations,
      batchSize,
      maxGradientNorm: Number.isFinite(maxGradientNorm) ? maxGradientNorm : null,
      averageDecay: averageDecay ?? null,
      maxKlPath: Number.isFinite(maxKlPath) ? maxKlPath : null,
      conditioning: fingerprint(conditioning),
      rowsAtOnce,
      seed,
      ...this.settings(),
    };
  }

  /** BibTeX of the papers the method comes from. */
  abstract cite(): string;

  /** What the method needs beyond a policy of its own and a reward scale; the first that is missing is reported. */
  protected abstract requirements(): Iterable<RequirementCheck>;

  /**
   * One iteration: samples, computes gradients, calls `updateParameters` once or more.
   * @returns metrics, by the names of `MetricName` where these fit; `sampleMetrics` gives those of the samples
   */
  protected abstract advance(signal: AbortSignal | undefined): Promise<Metrics>;

  /** Every option of the method that changes what it computes, for checkpoints. */
  protected abstract settings(): { readonly [name: string]: Json };

  /** What must be saved beside the parameters. @default nothing */
  protected extraState(): ExtraState {
    return {};
  }

  /** Puts back what `extraState` gave. */
  protected restoreExtra(
    _arrays: ReadonlyMap<string, Float32Array>,
    _values: { readonly [name: string]: Json },
  ): void {}

  /** How steps are taken in rollouts. @default Euler-Maruyama with the environment's noise */
  protected get kernel(): TransitionKernel {
    return eulerMaruyamaKernel(this.environment.noiseSchedule);
  }

  protected get environment(): Environment<D, C> {
    return this.common.environment;
  }

  /** The key of everything that is drawn beside rollouts; fold a name and `iteration` into it. */
  protected key(purpose: string): RandomKey {
    return RandomKey.fromSeed(this.common.seed).fold(this.name).fold(purpose);
  }

  /** What the abort rules compare with, once it has been measured, in the first iteration. */
  protected get baseline(): Baseline | undefined {
    return this.measured;
  }

  /**
   * Rolls out this iteration's batch: samples that no other iteration has drawn, the same ones whenever it is repeated.
   * @param request what differs from `batchSize` rollouts of the policy in training
   */
  protected rollOutBatch(
    signal: AbortSignal | undefined,
    request: Partial<RolloutRequest<D, C>> = {},
  ): Promise<Rollout<D, C>> {
    const { environment, policy, batchSize: n, seed, conditioning } = this.common;
    const indexOffset = (this.completed + 1) * n;
    return rollOut({
      environment,
      policy,
      n,
      seed,
      indexOffset,
      conditioning,
      signal,
      kernel: this.kernel,
      ...request,
    });
  }

  private checkDistance(klPath: number | undefined): void {
    const { maxKlPath } = this.common;
    if (klPath !== undefined && klPath > maxKlPath) {
      throw new TrainingAbortedError(
        `Stopped in iteration ${this.completed + 1}: the path KL to the base model reached ${klPath.toPrecision(3)}, over maxKlPath = ` +
          `${maxKlPath}. ${this.title} moves away from the data until it is stopped; use the last checkpoint, or a method that converges to the tilt.`,
        "kl-path",
        this.completed + 1,
      );
    }
  }

  /** Rewards and states of the base model. Override where the method samples in another way. */
  protected async measureBaseline(signal: AbortSignal | undefined): Promise<Baseline> {
    const { rewards, valids, stateMax } = await this.rollOutBatch(signal, { policy: undefined, indexOffset: 0 });
    return baselineOf(rewards, valids, stateMax);
  }

  /**
   * Clips the gradients that lie in `policy.gradients`, makes one update with them, and moves the running average.
   * @throws NonFiniteError when a gradient is not finite; nothing is changed then
   */
  protected updateParameters(): { grad_norm: number; learning_rate: number } {
    const { policy, maxGradientNorm } = this.common;
    const { learningRate } = this.optimizer;
    const norm = clipGlobalNorm(policy.gradients, maxGradientNorm);
    this.optimizer.update(policy.gradients);
    this.average?.update(policy.parameters);
    return { grad_norm: norm, learning_rate: learningRate };
  }
}

/** What the abort rules remember of the base model's samples. */
export function baselineOf(rewards: Float32Array, valids: Uint8Array, stateMax: number): Baseline {
  const { mean, std, validFraction } = rewardStatistics(rewards, valids);
  return { rewardMean: mean, rewardStd: std, valid: Math.round(validFraction * rewards.length), stateMax };
}
