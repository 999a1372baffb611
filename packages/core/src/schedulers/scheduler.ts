import { ArgumentError, SingularCoefficientError } from "../errors/index.js";
import type { FeatureSchedulersSpec, SchedulerSpec } from "./spec.js";

/** A scalar function of a scheduler and a time: one of its coefficients, or anything computed from several. */
export type SchedulerFunction = (scheduler: Scheduler, t: number) => number;

/**
 * What data is noised by: one scheduler for all of it, or one a named part. Whoever needs a coefficient hands over the
 * function that computes it and gets a number, or one a part, without knowing which of the two it was.
 */
export interface SchedulerLike {
  /**
   * `f` at one time that all samples share.
   * @returns a number, or one number a named part
   * @throws SingularCoefficientError when a result is not finite
   */
  evaluate(f: SchedulerFunction, t: number): number | Record<string, number>;

  /**
   * `f` at a time for each sample, computed once where all times are equal.
   * @returns one number a sample, or an array of these a named part
   * @throws SingularCoefficientError when a result is not finite
   */
  evaluateBatch(f: SchedulerFunction, times: Float32Array): Float64Array | Record<string, Float64Array>;

  /** What `schedulerFromSpec` builds an equal one from; plain JSON. */
  spec(): SchedulerSpec | FeatureSchedulersSpec;
}

/**
 * The path x_t = alpha(t) x1 + beta(t) x0 from noise x0 ~ N(0, I) at t = 0 to data x1 at t = 1, and the coefficients that
 * follow from it, in double precision. Dots are derivatives in t.
 *
 * | coefficient | definition |
 * |---|---|
 * | kappa | alphaDot / alpha |
 * | wronskian W | alphaDot beta - alpha betaDot, positive inside (0, 1) |
 * | eta | beta W / alpha = beta (kappa beta - betaDot) |
 * | sigmaMemoryless | sqrt(2 eta): the noise that makes x_0 and x_1 independent |
 *
 * Every public method refuses a time outside [0, 1] with ArgumentError and a value that is not finite, such as kappa of
 * the linear path at t = 0, with SingularCoefficientError. To add a schedule, extend this class with the four `...At`
 * methods and `spec`, and override `kappaAt`, `etaAt` and `wronskianAt` where cancellation would cost digits.
 */
export abstract class Scheduler implements SchedulerLike {
  /** Factor of the data. */
  alpha(t: number): number {
    return finite(this, "alpha", t, this.alphaAt(timeIn(this, "alpha", t)));
  }

  /** Factor of the noise. */
  beta(t: number): number {
    return finite(this, "beta", t, this.betaAt(timeIn(this, "beta", t)));
  }

  /** d alpha / dt. */
  alphaDot(t: number): number {
    return finite(this, "alphaDot", t, this.alphaDotAt(timeIn(this, "alphaDot", t)));
  }

  /** d beta / dt. */
  betaDot(t: number): number {
    return finite(this, "betaDot", t, this.betaDotAt(timeIn(this, "betaDot", t)));
  }

  /** alphaDot / alpha. */
  kappa(t: number): number {
    return finite(this, "kappa", t, this.kappaAt(timeIn(this, "kappa", t)));
  }

  /** beta (alphaDot beta - alpha betaDot) / alpha, half the squared memoryless noise. */
  eta(t: number): number {
    return finite(this, "eta", t, this.etaAt(timeIn(this, "eta", t)));
  }

  /**
   * sqrt(2 eta), the diffusion coefficient of the memoryless process.
   * @throws ArgumentError when eta is negative, which a schedule with a falling signal-to-noise ratio has
   */
  sigmaMemoryless(t: number): number {
    const eta = finite(this, "sigmaMemoryless", t, this.etaAt(timeIn(this, "sigmaMemoryless", t)));
    if (eta < 0) {
      throw new ArgumentError(
        `${describe(this)}: eta is ${eta} at t = ${t}; memoryless noise needs a ratio alpha / beta that rises with t.`,
        "eta",
        eta,
      );
    }
    return Math.sqrt(2 * eta);
  }

  /** alphaDot beta - alpha betaDot. */
  wronskian(t: number): number {
    return finite(this, "wronskian", t, this.wronskianAt(timeIn(this, "wronskian", t)));
  }

  /** Signal-to-noise ratio alpha^2 / beta^2. */
  snr(t: number): number {
    timeIn(this, "snr", t);
    return finite(this, "snr", t, (this.alphaAt(t) / this.betaAt(t)) ** 2);
  }

  /** What the model receives as its time: t itself, unless the model counts steps. */
  modelInput(t: number): number {
    return finite(this, "modelInput", t, this.modelInputAt(timeIn(this, "modelInput", t)));
  }

  evaluate(f: SchedulerFunction, t: number): number {
    return finite(this, f.name || "a coefficient", t, f(this, t));
  }

  evaluateBatch(f: SchedulerFunction, times: Float32Array): Float64Array {
    const out = new Float64Array(times.length);
    if (times.length > 0 && allEqual(times)) {
      return out.fill(this.evaluate(f, times[0]!));
    }
    for (let i = 0; i < times.length; i++) {
      out[i] = this.evaluate(f, times[i]!);
    }
    return out;
  }

  abstract spec(): SchedulerSpec;

  /** alpha for t in [0, 1]. */
  protected abstract alphaAt(t: number): number;
  /** beta for t in [0, 1]. */
  protected abstract betaAt(t: number): number;
  /** d alpha / dt for t in [0, 1]; may be infinite or NaN where it is singular. */
  protected abstract alphaDotAt(t: number): number;
  /** d beta / dt for t in [0, 1]; may be infinite or NaN where it is singular. */
  protected abstract betaDotAt(t: number): number;

  protected kappaAt(t: number): number {
    return this.alphaDotAt(t) / this.alphaAt(t);
  }

  protected wronskianAt(t: number): number {
    return this.alphaDotAt(t) * this.betaAt(t) - this.alphaAt(t) * this.betaDotAt(t);
  }

  protected etaAt(t: number): number {
    return (this.betaAt(t) * this.wronskianAt(t)) / this.alphaAt(t);
  }

  protected modelInputAt(t: number): number {
    return t;
  }
}

function timeIn(scheduler: Scheduler, coefficient: string, t: number): number {
  if (!(t >= 0 && t <= 1)) {
    throw new ArgumentError(
      `${describe(scheduler)}, ${coefficient}: time must be in [0, 1] (0 is noise, 1 is data), got ${String(t)}.`,
      "t",
      t,
    );
  }
  return t;
}

function finite(scheduler: Scheduler, coefficient: string, t: number, value: number): number {
  if (!Number.isFinite(value)) {
    throw new SingularCoefficientError(
      `${describe(scheduler)}: ${coefficient} is singular at t = ${t} (${value}). ` +
        `Use times inside (0, 1) there, such as those of the "interior" grid.`,
      coefficient,
      t,
    );
  }
  // Adding 0 turns -0 into 0.
  return value + 0;
}

/** For messages; a class name would not survive minification. */
function describe(scheduler: Scheduler): string {
  const spec = scheduler.spec();
  return spec.type === "custom" ? `Scheduler "${spec.name}"` : `Scheduler "${spec.type}"`;
}

function allEqual(times: Float32Array): boolean {
  for (let i = 1; i < times.length; i++) {
    if (times[i] !== times[0]) {
      return false;
    }
  }
  return true;
}
