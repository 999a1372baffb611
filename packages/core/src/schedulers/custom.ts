import { ArgumentError } from "../errors/index.js";
import { Scheduler } from "./scheduler.js";
import type { SchedulerSpec } from "./spec.js";

/** A path of one's own. All functions are of t in [0, 1], in double precision. */
export interface CustomSchedulerOptions {
  /** Factor of the data; rises from about 0 to about 1. */
  readonly alpha: (t: number) => number;
  /** Factor of the noise; falls from about 1 to about 0. */
  readonly beta: (t: number) => number;
  /** d alpha / dt. */
  readonly alphaDot: (t: number) => number;
  /** d beta / dt. */
  readonly betaDot: (t: number) => number;
  /** alphaDot / alpha, where a form without cancellation is known. @default the quotient */
  readonly kappa?: (t: number) => number;
  /** beta (alphaDot beta - alpha betaDot) / alpha, where a form without cancellation is known. @default that formula */
  readonly eta?: (t: number) => number;
  /** alphaDot beta - alpha betaDot, where a form without cancellation is known. @default that formula */
  readonly wronskian?: (t: number) => number;
  /** What the model receives as its time. @default t */
  readonly modelInput?: (t: number) => number;
  /** Shown in errors and in `spec`. @default "custom" */
  readonly name?: string;
  /**
   * Compare the derivatives with central differences at three times, and refuse those that disagree by more than one
   * part in a thousand. Turn it off for paths with corners.
   * @default true
   */
  readonly checkDerivatives?: boolean;
}

const PROBE_TIMES = [0.23, 0.5, 0.81];
const PROBE_STEP = 1e-5;

/** A path given by its functions. Derivatives are required: they are never guessed by finite differences. */
export class CustomScheduler extends Scheduler {
  readonly #functions: CustomSchedulerOptions;
  /** The scheduler's name. */
  readonly name: string;

  /** @throws ArgumentError when a function is missing or a derivative is not that of its function */
  constructor(options: CustomSchedulerOptions) {
    super();
    for (const needed of ["alpha", "beta", "alphaDot", "betaDot"] as const) {
      if (typeof options[needed] !== "function") {
        throw new ArgumentError(
          `CustomScheduler: ${needed} must be a function of t. Both factors and both derivatives are required; ` +
            "derivatives are not replaced by finite differences.",
          needed,
          options[needed],
        );
      }
    }
    this.#functions = { ...options };
    this.name = options.name ?? "custom";
    if (options.checkDerivatives ?? true) {
      compareWithDifferences("alpha", options.alpha, options.alphaDot);
      compareWithDifferences("beta", options.beta, options.betaDot);
    }
  }

  /** Names the scheduler; functions are not JSON, so `schedulerFromSpec` cannot build it again. */
  spec(): SchedulerSpec {
    return { type: "custom", name: this.name };
  }

  protected alphaAt(t: number): number {
    return this.#functions.alpha(t);
  }

  protected betaAt(t: number): number {
    return this.#functions.beta(t);
  }

  protected alphaDotAt(t: number): number {
    return this.#functions.alphaDot(t);
  }

  protected betaDotAt(t: number): number {
    return this.#functions.betaDot(t);
  }

  protected override kappaAt(t: number): number {
    return this.#functions.kappa?.(t) ?? super.kappaAt(t);
  }

  protected override wronskianAt(t: number): number {
    return this.#functions.wronskian?.(t) ?? super.wronskianAt(t);
  }

  protected override etaAt(t: number): number {
    return this.#functions.eta?.(t) ?? super.etaAt(t);
  }

  protected override modelInputAt(t: number): number {
    return this.#functions.modelInput?.(t) ?? t;
  }
}

function compareWithDifferences(
  name: "alpha" | "beta",
  f: (t: number) => number,
  derivative: (t: number) => number,
): void {
  for (const t of PROBE_TIMES) {
    const difference = (f(t + PROBE_STEP) - f(t - PROBE_STEP)) / (2 * PROBE_STEP);
    const given = derivative(t);
    if (!(Math.abs(given - difference) <= 1e-3 * Math.abs(difference) + 1e-6)) {
      throw new ArgumentError(
        `CustomScheduler: ${name}Dot(${t}) is ${given} but ${name} changes there at the rate ${difference}. ` +
          "Give the derivative in t, or checkDerivatives: false if the path has a corner there.",
        `${name}Dot`,
        given,
      );
    }
  }
}
