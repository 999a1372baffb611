import { type DiffusionData, sliceConditioning, throwIfAborted } from "@diffusiongym/core";
import { type BufferRows, EndpointBuffer } from "../buffers/index.js";
import { type Json, type Metrics, TrainingAbortedError } from "../method/index.js";
import { type Baseline, largestMagnitude } from "../monitoring/index.js";
import { drawEndpoints, type Endpoints, joinEndpoints, rollOut } from "../sampling/index.js";
import { baselineOf, type ExtraState, rewardMetrics, validMean } from "../training/index.js";
import { conditionCount, tileConditioning } from "./conditions.js";
import { EndpointMethod } from "./endpoint-method.js";
import type { EndpointDefaults } from "./options.js";
import { type PooledOptions, type RoundDefaults, type RoundPlan, resolveRounds, roundAt } from "./pooled-options.js";

/** What a round has decided. */
export interface RoundStart {
  /** The reward scale that the policy is fitted to in this round. */
  readonly level: number;
  /** Reported with every iteration of the round. */
  readonly metrics: Metrics;
}

/**
 * A method in rounds: each begins by drawing a pool of endpoints, chooses the reward scale it fits (the level), and spends
 * its iterations on rows that are resampled from the pools by weight. The running average of the policy is what draws.
 */
export abstract class PooledMethod<D extends DiffusionData<D>, C extends object> extends EndpointMethod<D, C> {
  protected readonly plan: RoundPlan;
  /** Everything drawn so far, or what of it is kept. */
  protected readonly buffer: EndpointBuffer<D, C>;
  /** Reward scale of each round that has begun. */
  protected levels: number[] = [];
  /** What the current round reports with every iteration. */
  protected summary: Metrics = {};
  private weights: ArrayLike<number> | undefined;

  /** @throws ArgumentError for an option out of range */
  protected constructor(options: PooledOptions<D, C>, defaults: EndpointDefaults & RoundDefaults) {
    super(options, defaults);
    this.plan = resolveRounds(options, defaults);
    const { environment, seed, conditioning } = this.common;
    this.buffer = new EndpointBuffer({
      environment,
      seed,
      conditioning: (n: number) => tileConditioning(conditioning, n),
    });
  }

  /** Conditions of every pool: endpoint i has condition i mod this. */
  protected get conditions(): number {
    return conditionCount(this.common.conditioning);
  }

  /** The round of the iteration to come, from 0. */
  protected get round(): number {
    return roundAt(this.plan, this.iteration);
  }

  /** Draws a pool (the base model's is there when round 0 begins) and chooses the level. May be aborted. */
  protected abstract beginRound(round: number, signal: AbortSignal | undefined): Promise<RoundStart>;

  /** Weight of every endpoint in the buffer at the level of the current round, >= 0, not all 0. */
  protected abstract poolWeights(): ArrayLike<number>;

  /** Computes gradients from some endpoints; returns the loss, and what else the metrics should say. */
  protected abstract fit(rows: BufferRows<D, C>): Promise<{ readonly loss: number } & Metrics>;

  protected async advance(signal: AbortSignal | undefined): Promise<Metrics> {
    throwIfAborted(signal, "Training");
    await this.buffer.ready();
    const { round } = this;
    let pathCost: Metrics = {};
    if (this.levels.length <= round) {
      const { level, metrics } = await this.beginRound(round, signal);
      this.levels.push(level);
      this.weights = undefined;
      // The path KL belongs to the moment of the rollout; repeated, it would look like a trend to the abort rules.
      const { kl_path, ...summary } = metrics;
      this.summary = summary;
      pathCost = kl_path === undefined ? {} : { kl_path };
    }
    this.weights ??= this.needWeight(this.poolWeights());
    const stream = this.key("rows").fold(this.iteration).stream();
    const fitted = await this.fit(this.buffer.resample(this.weights, this.common.batchSize, stream));
    return { ...this.summary, ...pathCost, round, ...fitted, ...this.updateParameters() };
  }

  private needWeight(weights: ArrayLike<number>): ArrayLike<number> {
    for (let i = 0; i < weights.length; i++) {
      if (weights[i]! > 0) {
        return weights;
      }
    }
    throw new TrainingAbortedError(
      `Stopped in iteration ${this.iteration + 1}: none of the ${weights.length} endpoints is valid, so there is nothing to fit. Check the ` +
        "base model and the reward.",
      "validity",
      this.iteration + 1,
    );
  }

  /** The base model's pool is the baseline too. */
  protected override async measureBaseline(signal: AbortSignal | undefined): Promise<Baseline> {
    const { basePoolSize: n, poolSize } = this.plan;
    const endpoints = await this.drawBasePool({ n, indexOffset: 0, adapted: false, signal });
    this.buffer.keepLast(0);
    this.buffer.add(endpoints, 0);
    const baseline = baselineOf(endpoints.rewards, endpoints.valids, largestMagnitude(endpoints.latent));
    // Later pools are compared with it, and may be smaller.
    return { ...baseline, valid: Math.min(baseline.valid, poolSize) };
  }

  /** The base model's pool. @default by the flow */
  protected drawBasePool(request: PoolRequest): Promise<Endpoints<D, C>> {
    return this.drawPool(request);
  }

  /** A pool drawn by the flow. */
  protected drawPool(request: PoolRequest): Promise<Endpoints<D, C>> {
    const { environment, seed, conditioning, rowsAtOnce } = this.common;
    const { solver, solverSteps: steps } = this.endpointOptions;
    const { n, indexOffset, adapted, signal } = request;
    return drawEndpoints({
      environment,
      policy: adapted ? this.adapted : undefined,
      n,
      seed,
      indexOffset,
      conditioning: tileConditioning(conditioning, n),
      solver,
      steps,
      signal,
      batchSize: rowsAtOnce,
    });
  }

  /** A pool rolled out by the environment's SDE, with log dP / dP_base of each path. */
  protected async rollOutPool(request: PoolRequest): Promise<RolledPool<D, C>> {
    const { environment, seed, conditioning, rowsAtOnce } = this.common;
    const { n, indexOffset, adapted, signal } = request;
    const tiled = tileConditioning(conditioning, n);
    const parts: Endpoints<D, C>[] = [];
    const logRatio = new Float64Array(n);
    const klPath = new Float64Array(n);
    let stateMax = 0;
    for (let from = 0; from < n; from += rowsAtOnce) {
      const to = Math.min(n, from + rowsAtOnce);
      const rollout = await rollOut({
        environment,
        policy: adapted ? this.adapted : undefined,
        kernel: this.kernel,
        n: to - from,
        seed,
        indexOffset: indexOffset + from,
        conditioning: to - from === n ? tiled : sliceConditioning(tiled, from, to),
        signal,
      });
      const { latent, sample, rewards, valids } = rollout;
      parts.push({ latent, sample, rewards, valids, conditioning: rollout.conditioning });
      logRatio.set(rollout.logRatio, from);
      klPath.set(rollout.klPath, from);
      stateMax = Math.max(stateMax, rollout.stateMax);
    }
    const endpoints = parts.length === 1 ? parts[0]! : joinEndpoints(parts);
    return { endpoints, logRatio, klPath: validMean(klPath, endpoints.valids), stateMax };
  }

  /** Index of the first endpoint of a round in the seed, so that no two rounds share their noise. */
  protected poolOffset(round: number): number {
    const { basePoolSize, poolSize } = this.plan;
    return round === 0 ? 0 : basePoolSize + (round - 1) * poolSize;
  }

  /** The rewards of the newest pool. */
  protected newestMetrics(): Metrics {
    const { rewards, valids, x1, conditioning } = this.buffer.pools.at(-1)!;
    return rewardMetrics({ rewards, valids, latent: x1, sample: x1, conditioning }, this.environment.rewardScale);
  }

  protected roundSettings(): { readonly [name: string]: Json } {
    return { ...this.endpointSettings(), ...this.plan };
  }

  protected override extraState(): ExtraState {
    const { arrays, values } = this.buffer.state();
    return { arrays, values: { pools: values, levels: [...this.levels], summary: { ...this.summary } } };
  }

  protected override restoreExtra(
    arrays: ReadonlyMap<string, Float32Array>,
    values: { readonly [name: string]: Json },
  ): void {
    this.buffer.restore(arrays, values.pools!);
    this.levels = [...(values.levels as readonly number[])];
    this.summary = values.summary as Metrics;
    this.weights = undefined;
  }
}

/** Which endpoints to draw. */
export interface PoolRequest {
  readonly n: number;
  readonly indexOffset: number;
  /** From the averaged policy, or from the base model. */
  readonly adapted: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Endpoints of paths whose probability is known. */
export interface RolledPool<D extends DiffusionData<D>, C extends object> {
  readonly endpoints: Endpoints<D, C>;
  /** log dP / dP_base, shape [n]. */
  readonly logRatio: Float64Array;
  /** Mean path KL over the valid samples. */
  readonly klPath: number;
  readonly stateMax: number;
}
