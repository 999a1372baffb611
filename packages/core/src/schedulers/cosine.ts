import { ArgumentError } from "../errors/index.js";
import { Scheduler } from "./scheduler.js";
import type { SchedulerSpec } from "./spec.js";

const HALF_PI = Math.PI / 2;

/**
 * The cosine path with exponent nu: alpha = sin^2(pi t^nu / 2), beta = 1 - alpha, W = alphaDot, eta = beta kappa.
 * alphaDot is 0 at both ends (at t = 0 when nu > 1/2) and kappa ~ 2 nu / t near 0.
 *
 * With u = t^nu and w = 1 - u, all of it is computed from sin(pi u / 2) and sin(pi w / 2), w by expm1 and log1p, so
 * nothing cancels near either end.
 */
export class Cosine extends Scheduler {
  /**
   * @param nu exponent of time, positive; larger values stay near the noise for longer
   * @throws ArgumentError when `nu` is not a positive finite number
   * @default nu 1
   */
  constructor(readonly nu = 1) {
    super();
    if (!(Number.isFinite(nu) && nu > 0)) {
      throw new ArgumentError(`Cosine: nu must be a positive finite number, got ${String(nu)}.`, "nu", nu);
    }
  }

  spec(): SchedulerSpec {
    return { type: "cosine", nu: this.nu };
  }

  protected alphaAt(t: number): number {
    return this.#sine(t) ** 2;
  }

  protected betaAt(t: number): number {
    return this.#cosine(t) ** 2;
  }

  protected alphaDotAt(t: number): number {
    if (t === 0 && this.nu > 0.5) {
      return 0;
    }
    return this.#speed(t) * this.#sine(t) * this.#cosine(t);
  }

  protected betaDotAt(t: number): number {
    return -this.alphaDotAt(t);
  }

  protected override kappaAt(t: number): number {
    return (this.#speed(t) * this.#cosine(t)) / this.#sine(t);
  }

  protected override wronskianAt(t: number): number {
    return this.alphaDotAt(t);
  }

  protected override etaAt(t: number): number {
    return this.betaAt(t) * this.kappaAt(t);
  }

  /** sin(pi t^nu / 2). */
  #sine(t: number): number {
    return Math.sin(HALF_PI * t ** this.nu);
  }

  /** cos(pi t^nu / 2) = sin(pi (1 - t^nu) / 2), with t^nu = exp(nu log(1 - (1 - t))). */
  #cosine(t: number): number {
    return t === 0 ? 1 : Math.sin(HALF_PI * -Math.expm1(this.nu * (t < 0.5 ? Math.log(t) : Math.log1p(t - 1))));
  }

  /** Twice the derivative of pi t^nu / 2. */
  #speed(t: number): number {
    return Math.PI * this.nu * t ** (this.nu - 1);
  }
}
