import type { DiffusionData } from "@diffusiongym/core";
import type { Json } from "../method/index.js";
import { type Baseline, largestMagnitude } from "../monitoring/index.js";
import type { TrainablePolicy } from "../policies/index.js";
import { combineCoefficients, takeConditioning } from "../rows/index.js";
import { drawEndpoints, type EndpointRequest, type Endpoints } from "../sampling/index.js";
import { baselineOf, noiseEndpoints, PolicyMethod, repeatedIndices, velocityWeights } from "../training/index.js";
import { chunksOf, type NoisedRows, type RowChunk, type RowTargets } from "./noised-rows.js";
import {
  type EndpointDefaults,
  type EndpointOptions,
  type ResolvedEndpointOptions,
  resolveEndpointOptions,
} from "./options.js";

/** Endpoints to noise. */
export interface NoisedBatch<D, C> {
  readonly x1: D;
  readonly conditioning: C;
}

/**
 * A method that needs no steps of a sampler, only endpoints: it draws them by the flow, noises them afresh, and regresses
 * the policy's output at (x_t, t) onto a target, weighted so that every output type counts as a velocity (METHODS 2).
 */
export abstract class EndpointMethod<D extends DiffusionData<D>, C extends object> extends PolicyMethod<D, C> {
  protected readonly endpointOptions: ResolvedEndpointOptions;

  /** @throws ArgumentError for an option out of range */
  protected constructor(options: EndpointOptions<D, C>, defaults: EndpointDefaults) {
    super(options, defaults);
    this.endpointOptions = resolveEndpointOptions(options, defaults);
  }

  /**
   * Draws this iteration's endpoints by the flow: samples that no other iteration has drawn.
   * @param policy whose flow; undefined for the base model's
   */
  protected drawBatch(
    signal: AbortSignal | undefined,
    policy: Pick<TrainablePolicy<D, C>, "forward"> | undefined,
    request: Partial<EndpointRequest<D, C>> = {},
  ): Promise<Endpoints<D, C>> {
    const { environment, batchSize: n, seed, conditioning, rowsAtOnce } = this.common;
    const { solver, solverSteps: steps } = this.endpointOptions;
    const indexOffset = (this.iteration + 1) * n;
    return drawEndpoints({
      environment,
      policy,
      n,
      seed,
      indexOffset,
      conditioning,
      solver,
      steps,
      signal,
      batchSize: rowsAtOnce,
      ...request,
    });
  }

  protected override async measureBaseline(signal: AbortSignal | undefined): Promise<Baseline> {
    const { rewards, valids, latent } = await this.drawBatch(signal, undefined, { indexOffset: 0 });
    return baselineOf(rewards, valids, largestMagnitude(latent));
  }

  /**
   * Noises each endpoint `noisings` times at stratified times.
   * @param update number of the update within the iteration, which draws other noise
   */
  protected noise({ x1, conditioning }: NoisedBatch<D, C>, update = 0): NoisedRows<D, C> {
    const { noisings, timeRange } = this.endpointOptions;
    const { baseModel: model } = this.environment;
    const sources = repeatedIndices(x1.length, noisings);
    const key = this.key("noisings").fold(this.iteration).fold(update);
    return {
      ...noiseEndpoints({ model, x1: noisings === 1 ? x1 : x1.take(sources), key, timeRange }),
      conditioning: noisings === 1 ? conditioning : takeConditioning(conditioning, sources),
      sources,
    };
  }

  /**
   * Regresses the policy's output, a chunk of rows at a time, and leaves the gradient in `policy.gradients`.
   * @returns sum_i w_i |v_i - target_i|^2 over the number of rows, in units of the velocity
   */
  protected async regressRows(
    rows: NoisedRows<D, C>,
    plan: (chunk: RowChunk<D, C>) => RowTargets<D> | Promise<RowTargets<D>>,
  ): Promise<number> {
    const { policy, rowsAtOnce, environment } = this.common;
    const total = rows.t.length;
    let loss = 0;
    for (const chunk of chunksOf(rows, rowsAtOnce, environment.baseModel)) {
      const { xt, t, conditioning, from, base } = chunk;
      const { targets, weights = 1 } = await plan(chunk);
      const result = await policy.regress({
        x: xt,
        t,
        conditioning,
        targets,
        weights: combineCoefficients(
          [velocityWeights(environment.baseModel, t), weights],
          (unit, weight) => (unit * weight) / total,
        ),
        accumulate: from > 0,
        ...(await base.known()),
      });
      loss += result.loss;
    }
    return loss;
  }

  /** The settings that all of these methods share. */
  protected endpointSettings(): { readonly [name: string]: Json } {
    const { noisings, timeRange, solver, solverSteps } = this.endpointOptions;
    return { noisings, timeRange: [...timeRange], solver, solverSteps };
  }
}
