import type { Scheduler } from "@diffusiongym/core";

/** The coefficients of x_t = alpha x1 + beta x0 at one time, as the exact mixture formulas need them. */
export interface PathPoint {
  readonly alpha: number;
  readonly beta: number;
  /** d alpha / dt. */
  readonly alphaDot: number;
  /** beta times d beta / dt: finite at t = 1 even where beta's own derivative is not (variance-preserving paths). */
  readonly betaBetaDot: number;
}

/** What {@link pathPoint} reads of a scheduler. */
export type PathScheduler = Pick<Scheduler, "alpha" | "beta" | "alphaDot" | "betaDot" | "kappa" | "eta">;

/**
 * The path's coefficients at time t in [0, 1].
 *
 * At t = 1 exactly, beta betaDot is taken as kappa beta^2 - eta, since betaDot may be infinite there.
 */
export function pathPoint(scheduler: PathScheduler, t: number): PathPoint {
  const alpha = scheduler.alpha(t);
  const beta = scheduler.beta(t);
  const betaBetaDot = t === 1 ? scheduler.kappa(t) * beta * beta - scheduler.eta(t) : beta * scheduler.betaDot(t);
  return { alpha, beta, alphaDot: scheduler.alphaDot(t), betaBetaDot };
}

/** The end of every path, where x_t is the data itself: alpha = 1, beta = 0. */
export const dataPoint: PathPoint = { alpha: 1, beta: 0, alphaDot: 0, betaBetaDot: 0 };
