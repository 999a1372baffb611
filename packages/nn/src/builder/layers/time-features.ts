import { ArgumentError } from "@diffusiongym/core";
import { type GraphBuilder, type GraphValue, normal } from "../graph/index.js";
import { silu } from "./activations.js";
import { linear } from "./linear.js";

/** Options of `sinusoidalFeatures`. */
export interface SinusoidalOptions {
  /** Number of features, even: half sines, half cosines. */
  readonly dim: number;
  /** Ratio of the highest frequency to (nearly) the lowest. @default 1000 */
  readonly windowSize?: number;
  /** Factor of the time before it meets the frequencies. @default 1000 */
  readonly timeMultiplier?: number;
  /** Taken from half the number of features where the frequencies are spaced: 1 makes the last one 1 / windowSize. @default 0 */
  readonly frequencyShift?: number;
  /** Put the cosines first. @default false */
  readonly cosinesFirst?: boolean;
}

/**
 * [sin(a), cos(a)] with a_k = timeMultiplier t windowSize^(-k / (half - frequencyShift)), k = 0 ... half - 1,
 * half = dim / 2 (after arXiv 1706.03762, section 3.5).
 * @param g the builder
 * @param t times of shape [N]
 * @returns features of shape [N, dim]
 */
export function sinusoidalFeatures(g: GraphBuilder, t: GraphValue, options: SinusoidalOptions): GraphValue {
  const { dim, windowSize = 1000, timeMultiplier = 1000, frequencyShift = 0, cosinesFirst = false } = options;
  requireEven("sinusoidalFeatures", dim);
  const half = dim / 2;
  if (half === frequencyShift) {
    throw new ArgumentError(
      `sinusoidalFeatures: frequencyShift must not be half of dim, got ${frequencyShift} for dim ${dim}.`,
      "frequencyShift",
      frequencyShift,
    );
  }
  const rate = -Math.log(windowSize) / (half - frequencyShift);
  const frequencies = Array.from({ length: half }, (_, k) => Math.exp(rate * k));
  const angles = g.mul(g.mul(g.unsqueeze(t, [1]), timeMultiplier), g.floats(frequencies));
  const waves = [g.sin(angles), g.cos(angles)];
  return g.concat(cosinesFirst ? waves.reverse() : waves, 1);
}

/** Options of `sinusoidalTimeEmbedding`. */
export interface TimeEmbeddingOptions extends SinusoidalOptions {
  /** Parameter names are `<name>.mlp.0.*` and `<name>.mlp.2.*`. */
  readonly name: string;
  /** Length of the embedding. */
  readonly out: number;
}

/**
 * Sinusoidal features of time, then Linear, SiLU, Linear.
 * @param g the builder
 * @param t times of shape [N]
 * @returns an embedding of shape [N, out]
 */
export function sinusoidalTimeEmbedding(g: GraphBuilder, t: GraphValue, options: TimeEmbeddingOptions): GraphValue {
  const { name, out } = options;
  const hidden = linear(g, sinusoidalFeatures(g, t, options), { name: `${name}.mlp.0`, out });
  return linear(g, silu(g, hidden), { name: `${name}.mlp.2`, out });
}

/**
 * [t, sin(2 pi f t) for each f, cos(2 pi f t) for each f]: smooth features of a time in [0, 1] for small networks.
 * @param g the builder
 * @param t times of shape [N]
 * @param frequencies whole periods between t = 0 and t = 1. @default [1, 2]
 * @returns features of shape [N, 1 + 2 frequencies.length]
 */
export function fourierTimeFeatures(
  g: GraphBuilder,
  t: GraphValue,
  frequencies: readonly number[] = [1, 2],
): GraphValue {
  const column = g.unsqueeze(t, [1]);
  const angles = g.mul(column, g.floats(frequencies.map((frequency) => 2 * Math.PI * frequency)));
  return g.concat([column, g.sin(angles), g.cos(angles)], 1);
}

/**
 * [sin(2 pi w x), cos(2 pi w x)] for given frequencies w.
 * @param g the builder
 * @param x numbers of shape [N]
 * @param frequencies of shape [K]
 * @returns features of shape [N, 2 K]
 */
export function fourierFeatures(g: GraphBuilder, x: GraphValue, frequencies: GraphValue): GraphValue {
  const angles = g.mul(g.unsqueeze(x, [1]), g.mul(frequencies, 2 * Math.PI));
  return g.concat([g.sin(angles), g.cos(angles)], 1);
}

/** Options of `gaussianFourierFeatures`. */
export interface GaussianFourierOptions {
  /** The parameter's name is `<name>.weight`: the frequencies, [dim / 2]. */
  readonly name: string;
  /** Number of features, even: half sines, half cosines. */
  readonly dim: number;
  /** Standard deviation of the frequencies at the start. @default 16 */
  readonly scale?: number;
}

/**
 * `fourierFeatures` with frequencies that are a parameter and start as normal random numbers (arXiv 2006.10739).
 * @param g the builder
 * @param x numbers of shape [N], for example logarithms of noise levels
 * @returns features of shape [N, dim]
 */
export function gaussianFourierFeatures(g: GraphBuilder, x: GraphValue, options: GaussianFourierOptions): GraphValue {
  const { name, dim, scale = 16 } = options;
  requireEven("gaussianFourierFeatures", dim);
  return fourierFeatures(g, x, g.parameter(`${name}.weight`, [dim / 2], normal(scale)));
}

function requireEven(caller: string, dim: number): void {
  if (!Number.isInteger(dim) || dim < 2 || dim % 2 !== 0) {
    throw new ArgumentError(`${caller}: dim must be an even number >= 2, got ${dim}.`, "dim", dim);
  }
}
