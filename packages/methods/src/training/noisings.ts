import type { BaseModel, DiffusionData, OutputType, RandomKey, Scheduler } from "@diffusiongym/core";

/** Endpoints noised afresh. */
export interface Noisings<D> {
  /** x_t = alpha x1 + beta x0. */
  readonly xt: D;
  /** Times, shape [rows]. */
  readonly t: Float32Array;
  /** The noise in x_t. */
  readonly x0: D;
  /** What an ideal output would be for this pair: u_c, x1, x0 or -x0 / beta by output type. */
  readonly target: D;
}

/** Options of `noiseEndpoints`. */
export interface NoisingOptions<D extends DiffusionData<D>, C extends object> {
  readonly model: BaseModel<D, C>;
  /** Endpoints, one a row: repeat them to noise each several times. */
  readonly x1: D;
  /** Key of this draw; fold the iteration into it. */
  readonly key: RandomKey;
  /** Times lie between these. @default [0.001, 0.999] */
  readonly timeRange?: readonly [number, number];
}

/**
 * Noises endpoints at stratified times: the range is cut into as many strata as there are rows, each row draws its time in
 * one of them, and which row gets which is drawn too. So every batch sees all times evenly, and no row a preferred one.
 */
export function noiseEndpoints<D extends DiffusionData<D>, C extends object>(
  options: NoisingOptions<D, C>,
): Noisings<D> {
  const { model, x1, key, timeRange = defaultTimeRange } = options;
  const n = x1.length;
  const [low, high] = timeRange;
  const strata = key.fold("strata").stream().permutation(n);
  const times = key.fold("times").streams();
  const t = Float32Array.from({ length: n }, (_, i) => low + ((high - low) * (strata[i]! + times.at(i).uniform())) / n);
  const x0 = x1.randnLike(key.fold("noise").streams());
  const { xt, target } = model.trainingPair(x1, { t, x0 });
  return { xt, t, x0, target };
}

/** Times at which every output type has a finite target. */
export const defaultTimeRange = [0.001, 0.999] as const;

/** Indices 0 ... n - 1, each `times` times in a row. */
export function repeatedIndices(n: number, times: number): Int32Array {
  return Int32Array.from({ length: n * times }, (_, i) => Math.floor(i / times));
}

/**
 * (d velocity / d output)^2 at each time: what a squared error of the output is multiplied with to weigh as one of the
 * velocity does, which is the weighting that METHODS part II was measured with.
 */
export function velocityWeights<D extends DiffusionData<D>, C extends object>(
  { scheduler, outputType }: BaseModel<D, C>,
  t: Float32Array,
) {
  return scheduler.evaluateBatch(function velocityWeight(part, time) {
    return velocityFactor(outputType, part, time) ** 2;
  }, t);
}

/** |d velocity| for a unit of output: 1, W / beta (endpoint), W / alpha (epsilon) or eta (score). */
export function velocityFactor(outputType: OutputType, scheduler: Scheduler, t: number): number {
  return velocityFactors[outputType](scheduler.alpha(t), scheduler.beta(t), scheduler.wronskian(t));
}

const velocityFactors: { readonly [O in OutputType]: (alpha: number, beta: number, wronskian: number) => number } = {
  velocity: () => 1,
  endpoint: (_, beta, wronskian) => wronskian / beta,
  epsilon: (alpha, _, wronskian) => wronskian / alpha,
  score: (alpha, beta, wronskian) => (beta * wronskian) / alpha,
};
