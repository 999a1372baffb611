import { ArgumentError } from "../errors/index.js";
import {
  alphaBarFromBetas,
  type BetaRange,
  linearBetas,
  type SquaredCosineOptions,
  scaledLinearBetas,
  squaredCosineBetas,
} from "./beta-tables.js";
import { Scheduler } from "./scheduler.js";
import type { BetaTableSpec, SchedulerSpec } from "./spec.js";

/**
 * The path of a model trained on a table of alpha-bars (DDPM and its kin): alpha = sqrt(abar_k), beta = sqrt(1 - abar_k),
 * piecewise constant in t, with K = length - 1 and k = floor((1 - t) K + 1/2), so the table's last entry is at t = 0.
 * alpha(0) is then small but not 0 and beta(1) small but not 0: that is what the model was trained on.
 *
 * Derivatives come from the backward difference d abar / dt = K (abar_{k-1} - abar_k), with abar_{-1} = 1;
 * kappa = eta = (d abar / dt) / (2 abar). The model receives k.
 */
export class Diffusion extends Scheduler {
  readonly #alphaBar: Float64Array;
  readonly #betas: BetaTableSpec | undefined;

  /**
   * @param alphaBar cumulative products of 1 - beta, falling strictly, within [0, 1]; copied
   * @param betas how the table was made, for a short `spec`; the static methods give it
   * @throws ArgumentError when the table is not one
   */
  constructor(alphaBar: ArrayLike<number>, betas?: BetaTableSpec) {
    super();
    const entries = (alphaBar as ArrayLike<number> | undefined)?.length ?? 0;
    if (entries < 2) {
      throw new ArgumentError(
        `Diffusion: the alpha-bar table needs at least 2 entries, got ${entries}.`,
        "alphaBar",
        entries,
      );
    }
    this.#alphaBar = Float64Array.from(alphaBar);
    this.#alphaBar.forEach((value, k, table) => {
      const previous = k === 0 ? Number.POSITIVE_INFINITY : table[k - 1]!;
      if (!(value >= 0 && value <= 1 && value < previous)) {
        throw new ArgumentError(
          `Diffusion: alpha-bar must fall strictly within [0, 1]; entry ${k} is ${value}${k === 0 ? "" : ` after ${previous}`}.`,
          "alphaBar",
          value,
        );
      }
    });
    this.#betas = betas;
  }

  /** From evenly spaced betas; see `linearBetas`. */
  static linear({ steps = 1000, betaStart = 1e-4, betaEnd = 0.02 }: BetaRange = {}): Diffusion {
    const betas = linearBetas({ steps, betaStart, betaEnd });
    return new Diffusion(alphaBarFromBetas(betas), { kind: "linear", steps, betaStart, betaEnd });
  }

  /** From betas with evenly spaced square roots; see `scaledLinearBetas`. The defaults are Stable Diffusion's. */
  static scaledLinear({ steps = 1000, betaStart = 0.00085, betaEnd = 0.012 }: BetaRange = {}): Diffusion {
    const betas = scaledLinearBetas({ steps, betaStart, betaEnd });
    return new Diffusion(alphaBarFromBetas(betas), { kind: "scaled-linear", steps, betaStart, betaEnd });
  }

  /** From a squared-cosine alpha-bar; see `squaredCosineBetas`. */
  static squaredCosine({ steps = 1000, maxBeta = 0.999 }: SquaredCosineOptions = {}): Diffusion {
    const betas = squaredCosineBetas({ steps, maxBeta });
    return new Diffusion(alphaBarFromBetas(betas), { kind: "squared-cosine", steps, maxBeta });
  }

  /** Number of entries of the table. */
  get steps(): number {
    return this.#alphaBar.length;
  }

  /** A copy of the table. */
  get alphaBar(): Float64Array {
    return this.#alphaBar.slice();
  }

  /**
   * The table's entry at t: floor((1 - t) K + 1/2), in 0 ... K.
   * @throws ArgumentError when t is outside [0, 1]
   */
  index(t: number): number {
    return this.modelInput(t);
  }

  spec(): SchedulerSpec {
    return this.#betas === undefined
      ? { type: "diffusion", alphaBar: Array.from(this.#alphaBar) }
      : { type: "diffusion", betas: this.#betas };
  }

  protected alphaAt(t: number): number {
    return Math.sqrt(this.#alphaBarAt(t));
  }

  protected betaAt(t: number): number {
    return Math.sqrt(1 - this.#alphaBarAt(t));
  }

  protected alphaDotAt(t: number): number {
    return this.#alphaBarDotAt(t) / (2 * this.alphaAt(t));
  }

  protected betaDotAt(t: number): number {
    return -this.#alphaBarDotAt(t) / (2 * this.betaAt(t));
  }

  protected override kappaAt(t: number): number {
    return this.#alphaBarDotAt(t) / (2 * this.#alphaBarAt(t));
  }

  protected override wronskianAt(t: number): number {
    return this.#alphaBarDotAt(t) / (2 * this.alphaAt(t) * this.betaAt(t));
  }

  protected override etaAt(t: number): number {
    return this.kappaAt(t);
  }

  protected override modelInputAt(t: number): number {
    return Math.floor((1 - t) * (this.#alphaBar.length - 1) + 0.5);
  }

  #alphaBarAt(t: number): number {
    return this.#alphaBar[this.modelInputAt(t)]!;
  }

  #alphaBarDotAt(t: number): number {
    const k = this.modelInputAt(t);
    const cleaner = k === 0 ? 1 : this.#alphaBar[k - 1]!;
    return (this.#alphaBar.length - 1) * (cleaner - this.#alphaBar[k]!);
  }
}
