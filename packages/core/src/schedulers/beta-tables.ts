import { ArgumentError } from "../errors/index.js";
import { linspace } from "./linspace.js";

/** Ends of a table of betas. */
export interface BetaRange {
  /** Number of training steps. @default 1000 */
  readonly steps?: number;
  /** First beta. @default 1e-4 for linear, 0.00085 for scaled-linear */
  readonly betaStart?: number;
  /** Last beta. @default 0.02 for linear, 0.012 for scaled-linear */
  readonly betaEnd?: number;
}

/** A squared-cosine table. */
export interface SquaredCosineOptions {
  /** Number of training steps. @default 1000 */
  readonly steps?: number;
  /** Upper bound of every beta. @default 0.999 */
  readonly maxBeta?: number;
}

/**
 * Betas evenly spaced (DDPM, arXiv 2006.11239), in double precision.
 * @throws ArgumentError unless steps is a whole number >= 2 and 0 < betaStart <= betaEnd < 1
 */
export function linearBetas({ steps = 1000, betaStart = 1e-4, betaEnd = 0.02 }: BetaRange = {}): Float64Array {
  requireRange("linearBetas", steps, betaStart, betaEnd);
  return linspace(betaStart, betaEnd, steps);
}

/**
 * Betas whose square roots are evenly spaced (latent diffusion, arXiv 2112.10752; the defaults are Stable Diffusion's),
 * in double precision.
 * @throws ArgumentError unless steps is a whole number >= 2 and 0 < betaStart <= betaEnd < 1
 */
export function scaledLinearBetas({
  steps = 1000,
  betaStart = 0.00085,
  betaEnd = 0.012,
}: BetaRange = {}): Float64Array {
  requireRange("scaledLinearBetas", steps, betaStart, betaEnd);
  return linspace(Math.sqrt(betaStart), Math.sqrt(betaEnd), steps).map((root) => root ** 2);
}

/**
 * Betas that make alpha-bar follow cos^2((s + 0.008) / 1.008 pi / 2) over s in [0, 1], each at most `maxBeta`
 * (improved DDPM, arXiv 2102.09672, eq. 17), in double precision.
 * @throws ArgumentError unless steps is a whole number >= 2 and 0 < maxBeta < 1
 */
export function squaredCosineBetas({ steps = 1000, maxBeta = 0.999 }: SquaredCosineOptions = {}): Float64Array {
  requireRange("squaredCosineBetas", steps, maxBeta, maxBeta);
  const alphaBar = (s: number): number => Math.cos((((s + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  return Float64Array.from({ length: steps }, (_, i) =>
    Math.min(1 - alphaBar((i + 1) / steps) / alphaBar(i / steps), maxBeta),
  );
}

/** Cumulative products of 1 - beta: entry k is alpha-bar after k + 1 steps of noising. */
export function alphaBarFromBetas(betas: ArrayLike<number>): Float64Array {
  let product = 1;
  return Float64Array.from(betas, (beta) => {
    product *= 1 - beta;
    return product;
  });
}

function requireRange(where: string, steps: number, low: number, high: number): void {
  if (!Number.isInteger(steps) || steps < 2) {
    throw new ArgumentError(`${where}: steps must be a whole number >= 2, got ${String(steps)}.`, "steps", steps);
  }
  if (!(low > 0 && high >= low && high < 1)) {
    throw new ArgumentError(
      `${where}: betas must rise within (0, 1), got ${String(low)} to ${String(high)}.`,
      "betas",
      [low, high],
    );
  }
}
