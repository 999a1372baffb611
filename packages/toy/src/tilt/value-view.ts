import type { GaussianMixture, NoisedMixture, PathPoint } from "../mixture/index.js";
import type { Numbers } from "../numeric/index.js";

/** The exact value function at one time, with the time's constants computed. */
export interface ValueView {
  /** V of each row of x, `[n, d]`; shape `[n]`. */
  value(x: Numbers): Float64Array;
  /** grad V of each row of x, `[n, d]`. */
  gradient<A extends Float64Array | Float32Array = Float64Array>(x: Numbers, out?: A): A;
}

/**
 * The value function where the tilted law is a mixture again: V = log p_t - log p*_t - log Z and grad V = s - s*, with the
 * scores of the base and of the tilted law at the mixture's own speed.
 */
export class MixtureValueView implements ValueView {
  readonly #base: NoisedMixture;
  readonly #tilted: NoisedMixture;

  constructor(
    base: GaussianMixture,
    tilted: GaussianMixture,
    readonly logNormalizer: number,
    point: PathPoint,
  ) {
    this.#base = base.at(point);
    this.#tilted = tilted.at(point);
  }

  value(x: Numbers): Float64Array {
    const tilted = this.#tilted.logDensity(x);
    return this.#base.logDensity(x).map((logDensity, i) => logDensity - tilted[i]! - this.logNormalizer);
  }

  gradient<A extends Float64Array | Float32Array = Float64Array>(x: Numbers, out?: A): A {
    const result = out ?? (new Float64Array(x.length) as A);
    const tilted = this.#tilted.output("score", x);
    const base = this.#base.output("score", x);
    for (let j = 0; j < result.length; j++) {
      result[j] = base[j]! - tilted[j]!;
    }
    return result;
  }
}
