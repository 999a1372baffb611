import { OptimalTransport } from "@diffusiongym/core";
import type { ExactTilt } from "@diffusiongym/toy";

/** Times of the flow and of the fields: finer towards the end, up to .98 (METHODS 4.5). */
const times = Array.from({ length: 31 }, (_, k) => 0.98 * (1 - (1 - k / 30) ** 1.5));
const [low, high, cells] = [-6, 6, 120];

/** A velocity field on the line, on a grid of times and places, linear in between; on the path x_t = t x1 + (1 - t) x0. */
export type Field = readonly Float64Array[];

/** Conditional moments at one state. */
export interface Moments {
  readonly meanReward: number;
  readonly meanVelocity: number;
  /** Cov(r, u_c | x_t). */
  readonly covariance: number;
  /** E[exp(h r) u_c | x_t] / E[exp(h r) | x_t]. */
  readonly tilted: number;
}

/** The place of each column of a field. */
const place = (column: number): number => low + ((high - low) * column) / cells;

/** A field from a function of (x, t). */
export function fieldOf(f: (x: number, t: number) => number): Field {
  return times.map((t) => Float64Array.from({ length: cells + 1 }, (_, column) => f(place(column), t)));
}

/** The base model's velocity. */
export function baseField({ mixture }: ExactTilt): Field {
  const scheduler = new OptimalTransport();
  return times.map((t) => {
    const x = Float64Array.from({ length: cells + 1 }, (_, column) => place(column));
    return Float64Array.from(mixture.atTime(scheduler, t).output("velocity", x));
  });
}

function valueAt(row: Float64Array, x: number): number {
  const at = Math.min(cells - 1e-9, Math.max(0, ((x - low) / (high - low)) * cells));
  const column = Math.floor(at);
  return row[column]! + (at - column) * (row[column + 1]! - row[column]!);
}

/** Quantiles of N(0, 1) carried along a field by Heun's method, and from .98 on along the last velocity. */
export function particles(field: Field, count = 800): Float64Array {
  const x = Float64Array.from({ length: count }, (_, i) => normalQuantile((i + 0.5) / count));
  for (let k = 0; k < times.length - 1; k++) {
    const dt = times[k + 1]! - times[k]!;
    for (let i = 0; i < count; i++) {
      const slope = valueAt(field[k]!, x[i]!);
      x[i]! += (dt / 2) * (slope + valueAt(field[k + 1]!, x[i]! + dt * slope));
    }
  }
  const last = field.at(-1)!;
  return x.map((value) => value + (1 - times.at(-1)!) * valueAt(last, value));
}

/** Moments of noised particles at every point of the grid, r = x1; the particles are in increasing order. */
export function conditionalMoments(x1: Float64Array, h = 0): Moments[][] {
  return times.map((t) => {
    const beta = 1 - t;
    let first = 0;
    return Array.from({ length: cells + 1 }, (_, column) => {
      const x = place(column);
      // Particles further than 7 standard deviations count for nothing, unless there is no other.
      while (first < x1.length - 1 && t * x1[first]! < x - 7 * beta) {
        first += 1;
      }
      const distance = Math.abs(x - t * x1[first]!);
      const nearest = distance > 7 * beta ? distance ** 2 : 0;
      let [sum, reward, product, tiltedSum, tilted] = [0, 0, 0, 0, 0];
      for (let i = first; i < x1.length && (i === first || t * x1[i]! < x + 7 * beta); i++) {
        const value = x1[i]!;
        const weight = Math.exp((nearest - (x - t * value) ** 2) / (2 * beta * beta));
        sum += weight;
        reward += weight * value;
        product += weight * value * value;
        const own = h === 0 ? weight : weight * Math.exp(h * value);
        tiltedSum += own;
        tilted += own * value;
      }
      const mean = reward / sum;
      const velocity = (end: number): number => (end - x) / beta;
      return {
        meanReward: mean,
        meanVelocity: velocity(mean),
        covariance: (product / sum - mean * mean) / beta,
        tilted: velocity(tilted / tiltedSum),
      };
    });
  });
}

/** A field from the moments and the fields at hand. */
export function update(
  moments: readonly Moments[][],
  f: (moments: Moments, k: number, column: number) => number,
): Field {
  return moments.map((row, k) => Float64Array.from(row, (own, column) => f(own, k, column)));
}

/** a + share (b - a). */
export function damped(a: Field, b: Field, share: number): Field {
  return a.map((row, k) => row.map((value, column) => value + share * (b[k]![column]! - value)));
}

/** The mean of particles. */
export function meanOf(x: Float64Array): number {
  return x.reduce((sum, value) => sum + value, 0) / x.length;
}

/** The lambda whose tilt has a given mean reward. */
export function equivalentScale(tiltAt: (scale: number) => ExactTilt, reward: number): number {
  let [from, to] = [-1, 4];
  for (let step = 0; step < 50; step++) {
    const middle = (from + to) / 2;
    [from, to] = tiltAt(middle).expectedReward < reward ? [middle, to] : [from, middle];
  }
  return from;
}

/** Inverse of Phi by bisection. */
function normalQuantile(p: number): number {
  let [from, to] = [-9, 9];
  for (let step = 0; step < 60; step++) {
    const middle = (from + to) / 2;
    [from, to] = normalDistribution(middle) < p ? [middle, to] : [from, middle];
  }
  return from;
}

/** Phi by its series around 0, or its continued fraction in the tail. */
function normalDistribution(x: number): number {
  if (Math.abs(x) > 6) {
    return x > 0 ? 1 : 0;
  }
  let [term, sum] = [x, x];
  for (let k = 1; k < 200; k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
