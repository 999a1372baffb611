import { ArgumentError } from "@diffusiongym/core";
import { FunctionForm, type RewardForm, vectorOption } from "../forms/index.js";
import type { Numbers } from "../numeric/index.js";
import { SmoothToyReward } from "./toy-reward.js";

/** Options of `toy/gaussian`. */
export interface GaussianRewardOptions {
  /** Where the reward is largest; a number means the same in every coordinate. @default -2.5 */
  readonly mean?: number | readonly number[];
  /** Its width. @default 0.8 */
  readonly standardDeviation?: number;
}

/** r(x) = the density of N(mean, standardDeviation^2 I) at x. */
export class GaussianReward extends SmoothToyReward {
  readonly #options: GaussianRewardOptions;

  constructor(options: GaussianRewardOptions = {}) {
    super();
    this.#options = options;
  }

  protected makeForm(dimension: number): RewardForm {
    const { mean = -2.5, standardDeviation = 0.8 } = this.#options;
    const deviation = positive("standardDeviation", standardDeviation);
    const center = vectorOption("mean", mean, dimension);
    const peak = (deviation * Math.sqrt(2 * Math.PI)) ** -dimension;
    return bumps(dimension, [center], deviation, peak);
  }
}

/** Options of `toy/bimodal`. */
export interface BimodalRewardOptions {
  /** The two places that are rewarded; numbers mean the same in every coordinate. @default [-2, 2] */
  readonly centers?: readonly [number | readonly number[], number | readonly number[]];
  /** Width of both bumps. @default 0.8 */
  readonly width?: number;
}

/** r(x) = exp(-|x - a|^2 / 2 width^2) + exp(-|x - b|^2 / 2 width^2): two places are equally good. */
export class BimodalReward extends SmoothToyReward {
  readonly #options: BimodalRewardOptions;

  constructor(options: BimodalRewardOptions = {}) {
    super();
    this.#options = options;
  }

  protected makeForm(dimension: number): RewardForm {
    const { centers = [-2, 2], width = 0.8 } = this.#options;
    if (!Array.isArray(centers) || centers.length !== 2) {
      throw new ArgumentError(`centers must be two points, got ${JSON.stringify(centers)}.`, "centers", centers);
    }
    const points = centers.map((center, i) => vectorOption(`centers[${i}]`, center, dimension));
    return bumps(dimension, points, positive("width", width), 1);
  }
}

/** Options of `toy/ring`. */
export interface RingRewardOptions {
  /** Middle of the ring; a number means the same in every coordinate. @default 0 */
  readonly center?: number | readonly number[];
  /** Its radius. @default 2 */
  readonly radius?: number;
  /** Its width. @default 0.5 */
  readonly width?: number;
}

/** r(x) = -1/2 ((|x - center| - radius) / width)^2: points on a sphere around the centre are best, with reward 0. */
export class RingReward extends SmoothToyReward {
  readonly #options: RingRewardOptions;

  constructor(options: RingRewardOptions = {}) {
    super();
    this.#options = options;
  }

  protected makeForm(dimension: number): RewardForm {
    const { center = 0, radius = 2, width = 0.5 } = this.#options;
    const middle = vectorOption("center", center, dimension);
    const [r, w] = [positive("radius", radius), positive("width", width)];
    const distance = (x: Numbers, at: number): number => Math.sqrt(squaredDistance(x, at, middle));
    return new FunctionForm({
      dimension,
      supremum: 0,
      value: (x, at) => -0.5 * ((distance(x, at) - r) / w) ** 2,
      gradient: (x, at, out) => {
        const length = distance(x, at);
        // The centre is a kink, where every direction is as good: no slope.
        const slope = length === 0 ? 0 : (r - length) / (w * w * length);
        middle.forEach((entry, i) => {
          out[i] = slope * (x[at + i]! - entry);
        });
      },
    });
  }
}

/** height times the sum over the centres of exp(-|x - centre|^2 / 2 width^2). */
function bumps(dimension: number, centers: readonly Float64Array[], width: number, height: number): RewardForm {
  const bump = (x: Numbers, at: number, center: Float64Array): number =>
    height * Math.exp((-0.5 * squaredDistance(x, at, center)) / (width * width));
  return new FunctionForm({
    dimension,
    infimum: 0,
    supremum: height * centers.length,
    value: (x, at) => {
      let sum = 0;
      for (const center of centers) {
        sum += bump(x, at, center);
      }
      return sum;
    },
    gradient: (x, at, out) => {
      out.fill(0);
      for (const center of centers) {
        const factor = bump(x, at, center) / (width * width);
        for (let i = 0; i < dimension; i++) {
          out[i]! += factor * (center[i]! - x[at + i]!);
        }
      }
    },
  });
}

function squaredDistance(x: Numbers, at: number, center: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < center.length; i++) {
    sum += (x[at + i]! - center[i]!) ** 2;
  }
  return sum;
}

function positive(name: string, value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) {
    throw new ArgumentError(`${name} must be a finite number above 0, got ${value}.`, name, value);
  }
  return value;
}
