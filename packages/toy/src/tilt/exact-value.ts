import { DDTensor, type NoConditioning, Tensor, type ValueFunction } from "@diffusiongym/core";
import { ByTime, type PathScheduler, pathPoint } from "../mixture/index.js";
import type { ExactTilt } from "./exact-tilt.js";
import type { ValueView } from "./value-view.js";

/**
 * The exact value function of a tilt as core's `ValueFunction`, for `ValuePolicy`, plots and comparison with a trained one.
 * It is the value of the continuous process: use it without look-ahead. Batches are points, `[n, d]`.
 */
export class ExactValue implements ValueFunction<DDTensor, NoConditioning> {
  readonly #views: ByTime<ValueView>;

  constructor(
    /** The tilt whose value function this is. */
    readonly tilt: ExactTilt,
    /** The path of the base model. */
    readonly scheduler: PathScheduler,
  ) {
    this.#views = new ByTime((time) => tilt.at(pathPoint(scheduler, time)));
  }

  /** V at (x, t), shape `[n]`. */
  value(x: DDTensor, t: Float32Array): Float32Array {
    const d = this.tilt.mixture.dimension;
    const out = new Float32Array(x.length);
    this.#views.forEach(t, (view, from, to) => {
      out.set(view.value(x.data.subarray(from * d, to * d)), from);
    });
    return out;
  }

  /** grad V at (x, t), of the shape of x. */
  gradient(x: DDTensor, t: Float32Array): DDTensor {
    const d = this.tilt.mixture.dimension;
    const out = new Float32Array(x.data.length);
    this.#views.forEach(t, (view, from, to) => {
      view.gradient(x.data.subarray(from * d, to * d), out.subarray(from * d, to * d));
    });
    return new DDTensor(new Tensor(out, x.shape));
  }
}
