import type { SampleStreams } from "@diffusiongym/core";
import type { Numbers } from "../numeric/index.js";
import { type MixtureOptions, type MixtureParts, mixtureParts } from "./mixture-options.js";
import { NoisedMixture } from "./noised-mixture.js";
import { dataPoint, type PathPoint, type PathScheduler, pathPoint } from "./path-point.js";

/**
 * The law p(x) = sum_k w_k N(x; mu_k, S_k) in d dimensions, in double precision.
 *
 * Noised along x_t = alpha x1 + beta x0 with x0 ~ N(0, I) it stays a mixture, so density, score, endpoint, epsilon,
 * velocity and the posterior of x1 given x_t are closed forms: see {@link NoisedMixture}.
 */
export class GaussianMixture implements MixtureParts {
  /** Number of axes d. */
  readonly dimension: number;
  /** Number of components K. */
  readonly components: number;
  readonly weights: Float64Array;
  readonly means: Float64Array;
  readonly variances: Float64Array;
  readonly axes: Float64Array | undefined;
  #data: NoisedMixture | undefined;

  /** A mixture whose covariances are decomposed already; {@link GaussianMixture.from} is the usual way. */
  constructor(parts: MixtureParts) {
    this.dimension = parts.dimension;
    this.components = parts.weights.length;
    this.weights = parts.weights;
    this.means = parts.means;
    this.variances = parts.variances;
    this.axes = parts.axes;
  }

  /**
   * A mixture from means, weights and standard deviations or covariances.
   * @throws ShapeError, ArgumentError when the options do not describe one
   */
  static from(options: MixtureOptions): GaussianMixture {
    return new GaussianMixture(mixtureParts(options));
  }

  /** The law at a point of a path; keep it for as many evaluations at that time as there are. */
  at(point: PathPoint): NoisedMixture {
    return new NoisedMixture(this, point);
  }

  /** The law of x_t under a scheduler. */
  atTime(scheduler: PathScheduler, t: number): NoisedMixture {
    return this.at(pathPoint(scheduler, t));
  }

  /** log p(x) of each row of x, `[n, d]`; shape `[n]`. */
  logDensity(x: Numbers): Float64Array {
    this.#data ??= this.at(dataPoint);
    return this.#data.logDensity(x);
  }

  /** E[x], `[d]`. */
  mean(): Float64Array {
    const mean = new Float64Array(this.dimension);
    this.means.forEach((value, j) => {
      mean[j % this.dimension]! += this.weights[Math.floor(j / this.dimension)]! * value;
    });
    return mean;
  }

  /** S_k, row-major `[d, d]`. */
  covarianceOf(component: number): Float64Array {
    const d = this.dimension;
    const covariance = new Float64Array(d * d);
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < d; j++) {
        for (let a = 0; a < d; a++) {
          covariance[i * d + j]! +=
            this.axis(component, i, a) * this.axis(component, j, a) * this.variances[component * d + a]!;
        }
      }
    }
    return covariance;
  }

  /** Covariance of x, components and spread of the means together, `[d, d]`. */
  covariance(): Float64Array {
    const d = this.dimension;
    const mean = this.mean();
    const total = new Float64Array(d * d);
    for (let k = 0; k < this.components; k++) {
      const own = this.covarianceOf(k);
      for (let i = 0; i < d; i++) {
        for (let j = 0; j < d; j++) {
          const spread = (this.means[k * d + i]! - mean[i]!) * (this.means[k * d + j]! - mean[j]!);
          total[i * d + j]! += this.weights[k]! * (own[i * d + j]! + spread);
        }
      }
    }
    return total;
  }

  /** Entry i of eigenvector `a` of component k. */
  axis(component: number, i: number, a: number): number {
    return this.axes === undefined
      ? Number(i === a)
      : this.axes[(component * this.dimension + i) * this.dimension + a]!;
  }

  /**
   * Independent exact samples, row-major `[n, d]`; sample i draws its component and then d normals from its own stream.
   * @param streams one random stream a sample, for example `RandomKey.fromSeed(0).streams()`
   */
  sample(n: number, streams: SampleStreams): Float64Array {
    const out = new Float64Array(n * this.dimension);
    for (let i = 0; i < n; i++) {
      const stream = streams.at(i);
      this.drawComponent(
        stream.categorical(this.weights),
        stream,
        out.subarray(i * this.dimension, (i + 1) * this.dimension),
      );
    }
    return out;
  }

  /** One sample of component k into `out`, `[d]`. */
  drawComponent(component: number, stream: { normal(): number }, out: Float64Array): void {
    const d = this.dimension;
    out.set(this.means.subarray(component * d, (component + 1) * d));
    for (let a = 0; a < d; a++) {
      const length = Math.sqrt(this.variances[component * d + a]!) * stream.normal();
      for (let i = 0; i < d; i++) {
        out[i]! += this.axis(component, i, a) * length;
      }
    }
  }

  /** The options that make this mixture again. */
  toJSON(): MixtureOptions {
    const d = this.dimension;
    const rows = (values: Float64Array): number[][] =>
      Array.from({ length: values.length / d }, (_, k) => Array.from(values.subarray(k * d, (k + 1) * d)));
    const means = rows(this.means);
    const weights = Array.from(this.weights);
    return this.axes === undefined
      ? { weights, means, standardDeviations: rows(this.variances.map(Math.sqrt)) }
      : { weights, means, covariances: means.map((_, k) => rows(this.covarianceOf(k))) };
  }
}
