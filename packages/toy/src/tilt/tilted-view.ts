import type { LogMoment, RewardForm } from "../forms/index.js";
import { type GaussianMixture, multiplyComponent, type NoisedMixture, type PathPoint } from "../mixture/index.js";
import type { Numbers } from "../numeric/index.js";
import type { ValueView } from "./value-view.js";

/**
 * The exact value function at one time: V(x) = -log E[exp(lambda r(x1)) | x_t = x] = -log sum_k gamma_k e^{L_k(m_k)} over the
 * posterior's components, and
 * grad V = sum_k w_k (z_k - J_k dL_k/dm) - sum_k gamma_k z_k with w_k proportional to gamma_k e^{L_k} and
 * J_k = alpha S_k C_k^-1. The constants of the time are computed once.
 */
export class TiltedView implements ValueView {
  readonly #mixture: GaussianMixture;
  readonly #noised: NoisedMixture;
  readonly #moments: readonly LogMoment[];
  readonly #gains: Float64Array;
  readonly #logMasses: Float64Array;
  readonly #pulled: Float64Array;

  constructor(mixture: GaussianMixture, form: RewardForm, rewardScale: number, point: PathPoint) {
    this.#mixture = mixture;
    this.#noised = mixture.at(point);
    this.#gains = this.#noised.posteriorGains();
    const variances = this.#noised.posteriorVariances();
    const { dimension, axes } = mixture;
    this.#moments = Array.from(mixture.weights, (_, component) =>
      form.logMoment(rewardScale, { dimension, variances, axes, component }),
    );
    this.#logMasses = new Float64Array(mixture.components);
    this.#pulled = new Float64Array(dimension);
  }

  /** V of each row of x, `[n, d]`; shape `[n]`. */
  value(x: Numbers): Float64Array {
    const values = new Float64Array(x.length / this.#mixture.dimension);
    for (let row = 0; row < values.length; row++) {
      values[row] = this.#evaluate(x, row, undefined);
    }
    return values;
  }

  /** grad V of each row of x, `[n, d]`. */
  gradient<A extends Float64Array | Float32Array = Float64Array>(x: Numbers, out?: A): A {
    const result = out ?? (new Float64Array(x.length) as A);
    const d = this.#mixture.dimension;
    const gradient = new Float64Array(d);
    for (let row = 0; row < x.length / d; row++) {
      this.#evaluate(x, row, gradient);
      result.set(gradient, row * d);
    }
    return result;
  }

  #evaluate(x: Numbers, row: number, gradient: Float64Array | undefined): number {
    const d = this.#mixture.dimension;
    const { logWeights, means, pulls } = this.#noised.experts(x, row);
    const logMasses = this.#logMasses;
    let largest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < logMasses.length; k++) {
      logMasses[k] = logWeights[k]! + this.#moments[k]!.evaluate(means, k * d, gradient !== undefined);
      largest = Math.max(largest, logMasses[k]!);
    }
    let total = 0;
    for (let k = 0; k < logMasses.length; k++) {
      total += Math.exp(logMasses[k]! - largest);
    }
    const logTotal = largest + Math.log(total);
    if (gradient !== undefined) {
      gradient.fill(0);
      for (let k = 0; k < logMasses.length; k++) {
        const mass = Math.exp(logMasses[k]! - logTotal);
        const pulled = multiplyComponent(this.#mixture, k, this.#gains, this.#moments[k]!.gradient, this.#pulled);
        const excess = mass - Math.exp(logWeights[k]!);
        for (let i = 0; i < d; i++) {
          gradient[i]! += excess * pulls[k * d + i]! - mass * pulled[i]!;
        }
      }
    }
    return -logTotal;
  }
}
