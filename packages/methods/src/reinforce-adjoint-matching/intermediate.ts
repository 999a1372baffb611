import {
  type BaseModel,
  type Coefficient,
  convertOutput,
  type DiffusionData,
  type RandomKey,
  type Scheduler,
} from "@diffusiongym/core";
import { combineCoefficients } from "../rows/index.js";
import { type Noisings, noiseEndpoints, velocityWeights } from "../training/index.js";

/** A noising that passes through an intermediate time s in (t, 1). */
export interface IntermediateNoisings<D> extends Noisings<D> {
  /** State at s, alpha_s x1 + beta_s z. */
  readonly xs: D;
  /** Intermediate times, shape [rows]. */
  readonly s: Float32Array;
  /** xi / sqrt(q) of the step from x_s down to x_t = rho x_s + sqrt(q) xi. */
  readonly stepScore: D;
  /** What 1/2 |u(x_s, s)|^2 is multiplied with for an estimate of its integral from t to 1; shape [rows]. */
  readonly costFactor: Float64Array;
}

/** Options of `noiseThroughIntermediate`. */
export interface IntermediateOptions<D extends DiffusionData<D>, C extends object> {
  readonly model: BaseModel<D, C>;
  /** Endpoints, one a row. */
  readonly x1: D;
  readonly key: RandomKey;
  readonly timeRange: readonly [number, number];
}

/** Smallest y in s = t + (1 - t) y^2. */
const leastShare = 0.05;
/** Latest intermediate time, before the noise and with it the control is singular. */
const latest = 0.9999;

/**
 * Noises endpoints in two steps (METHODS 1.13): y ~ U(.05, 1), s = t + (1 - t) y^2, x_s = alpha_s x1 + beta_s z, x_t = rho x_s +
 * sqrt(q) xi with rho = alpha_t / alpha_s and q = beta_t^2 - rho^2 beta_s^2: given x1 noising is a Markov process in decreasing t.
 * The law y^2 makes the variance of the step's score integrable. x_t and x_0 are distributed as ever.
 */
export function noiseThroughIntermediate<D extends DiffusionData<D>, C extends object>(
  options: IntermediateOptions<D, C>,
): IntermediateNoisings<D> {
  const { model, x1, key } = options;
  const { t, x0: xi } = noiseEndpoints(options);
  const z = x1.randnLike(key.fold("intermediate").streams());
  const shares = key.fold("share").streams();
  const share = Float64Array.from(t, (_, i) => leastShare + (1 - leastShare) * shares.at(i).uniform());
  const s = Float32Array.from(t, (time, i) => Math.min(latest, time + (1 - time) * share[i]! ** 2));
  const at = (f: (scheduler: Scheduler, time: number) => number, times: Float32Array): Coefficient =>
    model.scheduler.evaluateBatch(f, times);
  const alpha = (scheduler: Scheduler, time: number): number => scheduler.alpha(time);
  const beta = (scheduler: Scheduler, time: number): number => scheduler.beta(time);
  const ends = [at(alpha, t), at(beta, t), at(alpha, s), at(beta, s)];
  const root = combineCoefficients(ends, (alphaT, betaT, alphaS, betaS) =>
    Math.sqrt(Math.max(Number.MIN_VALUE, betaT ** 2 - ((alphaT / alphaS) * betaS) ** 2)),
  );
  const kept = combineCoefficients(ends, (alphaT, betaT, alphaS, betaS) => ((alphaT / alphaS) * betaS) / betaT);
  const added = combineCoefficients([root, at(beta, t)], (deviation, betaT) => deviation / betaT);
  const x0 = z.linearCombination(kept, [[added, xi]]);
  const { xt, target } = model.trainingPair(x1, { t, x0 });
  return {
    xt,
    t,
    x0,
    target,
    xs: x1.linearCombination(at(alpha, s), [[at(beta, s), z]]),
    s,
    stepScore: xi.scale(combineCoefficients([root], (deviation) => 1 / deviation)),
    costFactor: share.map((y, i) => (1 - leastShare) * 2 * y * (1 - t[i]!)),
  };
}

/** 1/2 |u|^2 = |v_theta - v_ref|^2 / eta of outputs at times, summed over all entries; shape [n]. */
export function controlEnergy<D extends DiffusionData<D>, C extends object>(
  model: BaseModel<D, C>,
  difference: D,
  times: Float32Array,
): Float32Array {
  const eta = (scheduler: Scheduler, time: number): number => scheduler.eta(time);
  const factors = [velocityWeights(model, times), model.scheduler.evaluateBatch(eta, times)];
  return difference.scale(combineCoefficients(factors, (squared, noise) => Math.sqrt(squared / noise))).squaredNorm();
}

/**
 * (d out / d v) (eta xi / sqrt(q) + v_theta - kappa x_t): what the path cost is multiplied with, because -eta grad E[C | x_t] =
 * E[(C - b) (eta xi / sqrt(q) + eta s) | x_t] and eta s = v - kappa x. In terms of the score: (xi / sqrt(q) + s) d out / d s.
 * @param output the policy's output at x_t, of which no gradient is taken
 */
export function pathCostDirection<D extends DiffusionData<D>, C extends object>(
  model: BaseModel<D, C>,
  { xt, t, stepScore }: Pick<IntermediateNoisings<D>, "xt" | "t" | "stepScore">,
  output: D,
): D {
  const inverse = (scheduler: Scheduler, time: number): number =>
    1 / convertOutput(model.outputType, "score", scheduler, time).output;
  const state = (scheduler: Scheduler, time: number): number => {
    const map = convertOutput(model.outputType, "score", scheduler, time);
    return map.state / map.output;
  };
  return output.linearCombination(1, [
    [model.scheduler.evaluateBatch(inverse, t), stepScore],
    [model.scheduler.evaluateBatch(state, t), xt],
  ]);
}

/** Rows of a chunk. */
export function sliceIntermediate<D extends DiffusionData<D>>(
  rows: IntermediateNoisings<D>,
  from: number,
  to: number,
): IntermediateNoisings<D> {
  return {
    xt: rows.xt.slice(from, to),
    t: rows.t.slice(from, to),
    x0: rows.x0.slice(from, to),
    target: rows.target.slice(from, to),
    xs: rows.xs.slice(from, to),
    s: rows.s.slice(from, to),
    stepScore: rows.stepScore.slice(from, to),
    costFactor: rows.costFactor.slice(from, to),
  };
}
