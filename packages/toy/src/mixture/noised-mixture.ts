import { type OutputType, ShapeError } from "@diffusiongym/core";
import { logSumExp, type Numbers } from "../numeric/index.js";
import { diagonalOutput } from "./diagonal-output.js";
import type { MixtureParts } from "./mixture-options.js";
import { outputVjp } from "./output-vjp.js";
import type { PathPoint } from "./path-point.js";
import { type AffineOutput, TimeConstants } from "./time-constants.js";

/** How each component explains one state. */
export interface Experts {
  /** log gamma_k, `[K]`. */
  readonly logWeights: Float64Array;
  /** Posterior means mu_k + alpha S_k z_k, `[K, d]`. */
  readonly means: Float64Array;
  /** z_k = C_k^-1 (x - alpha mu_k), `[K, d]`. */
  readonly pulls: Float64Array;
}

/**
 * A Gaussian mixture seen at one time of a path, x_t = alpha x1 + beta x0 with x1 from the mixture and x0 ~ N(0, I).
 *
 * With C_k = alpha^2 S_k + beta^2 I and responsibilities gamma_k proportional to w_k N(x; alpha mu_k, C_k):
 * score = -sum gamma_k z_k, endpoint = sum gamma_k (mu_k + alpha S_k z_k), epsilon = beta sum gamma_k z_k and
 * velocity = alphaDot endpoint + betaDot epsilon, where z_k = C_k^-1 (x - alpha mu_k). All are finite at t = 0 and t = 1.
 * The constants of the time are computed once; an evaluation allocates nothing but its result.
 */
export class NoisedMixture {
  readonly #parts: MixtureParts;
  readonly #components: number;
  readonly #constants: TimeConstants;
  /** Scratch: responsibilities `[K]` and U_k^T (x - alpha mu_k), `[K, d]`, of the row being evaluated; a sum `[d]`. */
  readonly #gamma: Float64Array;
  readonly #offset: Float64Array;
  readonly #total: Float64Array;
  #experts: Experts | undefined;

  constructor(parts: MixtureParts, point: PathPoint) {
    this.#parts = parts;
    this.#components = parts.weights.length;
    this.#constants = new TimeConstants(parts, point);
    this.#gamma = new Float64Array(this.#components);
    this.#offset = new Float64Array(parts.means.length);
    this.#total = new Float64Array(parts.dimension);
  }

  /** Where on the path. */
  get point(): PathPoint {
    return this.#constants.point;
  }

  /** Makes this the view of another point, in place: for batches with a time a row, a tenth of the price of a new one. */
  moveTo(point: PathPoint): void {
    this.#constants.moveTo(point);
  }

  /** log p_t of each row of x, `[n, d]`; shape `[n]`. */
  logDensity(x: Numbers): Float64Array {
    const out = new Float64Array(this.#rows(x));
    for (let row = 0; row < out.length; row++) {
      out[row] = this.#weigh(x, row);
    }
    return out;
  }

  /** Posterior probability of each component given each row, `[n, K]`. */
  responsibilities(x: Numbers): Float64Array {
    const n = this.#rows(x);
    const out = new Float64Array(n * this.#components);
    for (let row = 0; row < n; row++) {
      this.#weigh(x, row);
      out.set(this.#gamma, row * this.#components);
    }
    return out;
  }

  /**
   * Score, endpoint E[x1 | x_t], epsilon E[x0 | x_t] or velocity E[d x_t / dt | x_t] of each row.
   * @param x rows, `[n, d]`
   * @param out receives the result, `[n, d]`
   */
  output<A extends Float64Array | Float32Array = Float64Array>(type: OutputType, x: Numbers, out?: A): A {
    const n = this.#rows(x);
    const result = out ?? (new Float64Array(x.length) as A);
    const affine = this.#constants.output(type);
    const { dimension: d, axes } = this.#parts;
    const total = this.#total;
    if (axes === undefined) {
      const { centres, precisions, logScales } = this.#constants;
      const { shifts, gain } = affine;
      diagonalOutput(x, result, {
        dimension: d,
        centres,
        precisions,
        logScales,
        shifts,
        gain,
        gamma: this.#gamma,
        total,
      });
      return result;
    }
    for (let row = 0; row < n; row++) {
      this.#weigh(x, row);
      total.fill(0);
      for (let k = 0; k < this.#components; k++) {
        this.#addExpert(total, k, this.#gamma[k]!, affine);
      }
      result.set(total, row * d);
    }
    return result;
  }

  /** Divergence (trace of the Jacobian) of an output at each row; shape `[n]`. */
  divergence(type: OutputType, x: Numbers): Float64Array {
    const d = this.#parts.dimension;
    const affine = this.#constants.output(type);
    const { pull } = this.#constants;
    const out = new Float64Array(this.#rows(x));
    const score = new Float64Array(d);
    const expert = new Float64Array(d);
    const slope = new Float64Array(d);
    for (let row = 0; row < out.length; row++) {
      this.#weigh(x, row);
      score.fill(0);
      for (let k = 0; k < this.#components; k++) {
        this.#addExpert(score, k, -this.#gamma[k]!, pull);
      }
      // div sum_k gamma_k f_k = sum_k gamma_k (tr G_k + f_k . grad log gamma_k), grad log gamma_k = -z_k - score
      for (let k = 0; k < this.#components; k++) {
        expert.fill(0);
        slope.fill(0);
        this.#addExpert(expert, k, 1, affine);
        this.#addExpert(slope, k, -1, pull);
        let sum = 0;
        for (let i = 0; i < d; i++) {
          sum += affine.gain[k * d + i]! + expert[i]! * (slope[i]! - score[i]!);
        }
        out[row]! += this.#gamma[k]! * sum;
      }
    }
    return out;
  }

  /**
   * J^T a of each row, for the Jacobian J of an output with respect to x and a vector a.
   * @param cotangents the vectors a, `[n, d]`
   * @param out receives the result, `[n, d]`
   */
  vjp<A extends Float64Array | Float32Array = Float64Array>(
    type: OutputType,
    x: Numbers,
    cotangents: Numbers,
    out?: A,
  ): A {
    const n = this.#rows(x);
    this.#rows(cotangents, n);
    const result = out ?? (new Float64Array(x.length) as A);
    const { precisions } = this.#constants;
    const { shifts, gain } = this.#constants.output(type);
    const weighed = {
      parts: this.#parts,
      precisions,
      shifts,
      gain,
      gamma: this.#gamma,
      offset: this.#offset,
      sums: new Float64Array(3 * this.#parts.dimension),
    };
    for (let row = 0; row < n; row++) {
      this.#weigh(x, row);
      outputVjp(weighed, cotangents, result, row);
    }
    return result;
  }

  /**
   * The law of x1 given x_t = x: a mixture with weights gamma_k, means mu_k + alpha S_k z_k and covariances
   * (S_k^-1 + alpha^2 / beta^2 I)^-1 on the same eigenvectors.
   * @param x one state, `[d]`
   */
  posterior(x: Numbers): MixtureParts {
    this.#rows(x, 1);
    const d = this.#parts.dimension;
    const { logWeights, means } = this.experts(x, 0);
    return {
      dimension: d,
      weights: logWeights.map(Math.exp),
      means: means.slice(),
      variances: this.posteriorVariances(),
      axes: this.#parts.axes,
    };
  }

  /** Eigenvalues of the posterior covariances, `[K, d]`: the same for every x. */
  posteriorVariances(): Float64Array {
    const { beta } = this.point;
    return this.#parts.variances.map((variance, j) => variance * beta * beta * this.#constants.precisions[j]!);
  }

  /** Eigenvalues of alpha S_k C_k^-1, the Jacobian of component k's posterior mean, `[K, d]`. */
  posteriorGains(): Float64Array {
    return this.#constants.output("endpoint").gain.slice();
  }

  /** Each component's view of row `row` of x; the arrays are overwritten by the next call. */
  experts(x: Numbers, row: number): Experts {
    this.#experts ??= {
      logWeights: new Float64Array(this.#components),
      means: new Float64Array(this.#offset.length),
      pulls: new Float64Array(this.#offset.length),
    };
    const { logWeights, means, pulls } = this.#experts;
    const logDensity = this.#weighLog(x, row);
    const { pull } = this.#constants;
    const endpoint = this.#constants.output("endpoint");
    means.fill(0);
    pulls.fill(0);
    for (let k = 0; k < this.#components; k++) {
      logWeights[k] = this.#gamma[k]! - logDensity;
      this.#addExpert(means, k, 1, endpoint, k * this.#parts.dimension);
      this.#addExpert(pulls, k, 1, pull, k * this.#parts.dimension);
    }
    return this.#experts;
  }

  /** Offsets and responsibilities of one row into the scratch; returns log p_t(x). */
  #weigh(x: Numbers, row: number): number {
    const gamma = this.#gamma;
    const logDensity = this.#weighLog(x, row);
    for (let k = 0; k < gamma.length; k++) {
      gamma[k] = Math.exp(gamma[k]! - logDensity);
    }
    return logDensity;
  }

  /** The same with log w_k N(x; alpha mu_k, C_k) in place of the responsibilities. */
  #weighLog(x: Numbers, row: number): number {
    const { dimension: d, axes } = this.#parts;
    const { centres, precisions, logScales } = this.#constants;
    const offset = this.#offset;
    const base = row * d;
    for (let k = 0; k < this.#components; k++) {
      let logWeight = logScales[k]!;
      for (let a = 0; a < d; a++) {
        let y = 0;
        if (axes === undefined) {
          y = x[base + a]! - centres[k * d + a]!;
        } else {
          for (let i = 0; i < d; i++) {
            y += axes[(k * d + i) * d + a]! * (x[base + i]! - centres[k * d + i]!);
          }
        }
        offset[k * d + a] = y;
        logWeight -= 0.5 * y * y * precisions[k * d + a]!;
      }
      this.#gamma[k] = logWeight;
    }
    return logSumExp(this.#gamma);
  }

  /** out += weight f_k for the row in the scratch. */
  #addExpert(out: Float64Array, k: number, weight: number, { shifts, gain }: AffineOutput, at = 0): void {
    const { dimension: d, axes } = this.#parts;
    for (let i = 0; i < d; i++) {
      let sum = shifts[k * d + i]!;
      if (axes === undefined) {
        sum += gain[k * d + i]! * this.#offset[k * d + i]!;
      } else {
        for (let a = 0; a < d; a++) {
          sum += axes[(k * d + i) * d + a]! * gain[k * d + a]! * this.#offset[k * d + a]!;
        }
      }
      out[at + i]! += weight * sum;
    }
  }

  #rows(x: Numbers, expected?: number): number {
    const d = this.#parts.dimension;
    const n = x.length / d;
    if (!Number.isInteger(n) || (expected !== undefined && n !== expected)) {
      throw new ShapeError(
        `The mixture lives in ${d} dimension(s), but ${x.length} numbers are not ${expected ?? "whole"} row(s) of it.`,
        [expected ?? -1, d],
        [x.length],
      );
    }
    return n;
  }
}
