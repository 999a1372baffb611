import { ArgumentError } from "../errors/index.js";
import { Scheduler } from "./scheduler.js";
import type { SchedulerSpec } from "./spec.js";

/** Parameters of the continuous variance-preserving process. */
export interface VPLinearOptions {
  /** Rate of noising at the data end. @default 0.1 */
  readonly betaMin?: number;
  /** Rate of noising at the noise end. @default 20 */
  readonly betaMax?: number;
}

/**
 * The variance-preserving process with a linear rate (arXiv 2011.13456, eq. 11 with linear beta): with s = 1 - t,
 * alpha = exp(-s^2 (betaMax - betaMin) / 4 - s betaMin / 2) and beta = sqrt(1 - alpha^2), by expm1.
 * kappa = eta = (betaMin + s (betaMax - betaMin)) / 2. alpha(0) is small but not 0. betaDot and W are infinite at t = 1.
 */
export class VPLinear extends Scheduler {
  /** Rate of noising at the data end. */
  readonly betaMin: number;
  /** Rate of noising at the noise end. */
  readonly betaMax: number;

  /** @throws ArgumentError unless 0 <= betaMin <= betaMax, finite, betaMax > 0 */
  constructor({ betaMin = 0.1, betaMax = 20 }: VPLinearOptions = {}) {
    super();
    if (!([betaMin, betaMax].every(Number.isFinite) && betaMin >= 0 && betaMax >= betaMin && betaMax > 0)) {
      throw new ArgumentError(
        `VPLinear: needs 0 <= betaMin <= betaMax with betaMax > 0, got ${String(betaMin)} and ${String(betaMax)}.`,
        "betaMin, betaMax",
        [betaMin, betaMax],
      );
    }
    this.betaMin = betaMin;
    this.betaMax = betaMax;
  }

  spec(): SchedulerSpec {
    return { type: "vp-linear", betaMin: this.betaMin, betaMax: this.betaMax };
  }

  protected alphaAt(t: number): number {
    return Math.exp(this.#logAlpha(t));
  }

  protected betaAt(t: number): number {
    return Math.sqrt(-Math.expm1(2 * this.#logAlpha(t)));
  }

  protected alphaDotAt(t: number): number {
    return this.alphaAt(t) * this.kappaAt(t);
  }

  protected betaDotAt(t: number): number {
    return (-(this.alphaAt(t) ** 2) * this.kappaAt(t)) / this.betaAt(t);
  }

  protected override kappaAt(t: number): number {
    return (this.betaMin + (1 - t) * (this.betaMax - this.betaMin)) / 2;
  }

  protected override wronskianAt(t: number): number {
    return this.alphaDotAt(t) / this.betaAt(t);
  }

  protected override etaAt(t: number): number {
    return this.kappaAt(t);
  }

  #logAlpha(t: number): number {
    const s = 1 - t;
    return -s * ((s * (this.betaMax - this.betaMin)) / 4 + this.betaMin / 2);
  }
}
