import { type BaseModel, type DiffusionData, type MaybePromise, throwIfAborted } from "@diffusiongym/core";
import type { Metrics } from "../method/index.js";
import type { BaseOutputSource } from "../policies/index.js";
import { combineCoefficients } from "../rows/index.js";
import { velocityWeights } from "../training/index.js";

/** Noised endpoints, and the base model's output there. */
export interface DriftRows<D, C> {
  readonly xt: D;
  readonly t: Float32Array;
  readonly conditioning: C;
  /** The ideal output for the pair of endpoint and noise. */
  readonly target: D;
  readonly base: BaseOutputSource<D>;
}

/** What is measured. */
export interface DriftRequest<D extends DiffusionData<D>, C extends object> {
  readonly model: BaseModel<D, C>;
  /** The policy that has drawn the endpoints. */
  readonly old: { forward(x: D, t: Float32Array, conditioning: C, base: BaseOutputSource<D>): MaybePromise<D> };
  /** Its endpoints, noised, some at a time. */
  readonly chunks: Iterable<DriftRows<D, C>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * How far a policy is from the velocity E[u_c | x_t] of its own endpoints, in units of what it has changed: the projection
 * E[(u_c - v_old) . d] / E|d|^2 on d = v_old - v_ref, whose noise averages out because u_c enters linearly. 0 where the two agree; c
 * where the endpoints moved 1 + c times as far as the velocity says.
 * @returns `drift` and its standard error `drift_error`; nothing for a policy that is the base model
 */
export async function measureDrift<D extends DiffusionData<D>, C extends object>({
  model,
  old,
  chunks,
  signal,
}: DriftRequest<D, C>): Promise<Metrics> {
  const along: number[] = [];
  const squares: number[] = [];
  for (const { xt, t, conditioning, base, target } of chunks) {
    throwIfAborted(signal, "Training");
    const output = await old.forward(xt, t, conditioning, base);
    const speed = combineCoefficients([velocityWeights(model, t)], Math.sqrt);
    const change = output.linearCombination(1, [[-1, await base.baseOutput()]]).scale(speed);
    const missing = target.linearCombination(1, [[-1, output]]).scale(speed);
    for (const value of missing.mul(change).aggregate("sum")) {
      along.push(value);
    }
    for (const square of change.squaredNorm()) {
      squares.push(square);
    }
  }
  const size = squares.reduce((sum, square) => sum + square, 0);
  if (size === 0) {
    return {};
  }
  const drift = along.reduce((sum, value) => sum + value, 0) / size;
  const spread = along.reduce((sum, value, i) => sum + (value - drift * squares[i]!) ** 2, 0);
  return { drift, drift_error: Math.sqrt(spread) / size };
}
