import { DDTensor, type NoConditioning, Tensor, type ValueFunction } from "@diffusiongym/core";
import { type PathScheduler, pathPoint } from "../mixture/index.js";
import type { ExactTilt } from "./exact-tilt.js";
import type { TiltedView } from "./tilted-view.js";

/**
 * The exact value function of a tilt as core's `ValueFunction`, for `ValuePolicy`, plots and comparison with a trained one.
 * Any batch of points `[n, d]` (or `[n]` in one dimension).
 */
export class ExactValue implements ValueFunction<DDTensor, NoConditioning> {
  #last: { time: number; view: TiltedView } | undefined;

  constructor(
    /** The tilt whose value function this is. */
    readonly tilt: ExactTilt,
    /** The path of the base model. */
    readonly scheduler: PathScheduler,
  ) {}

  /** V at (x, t), shape `[n]`. */
  value(x: DDTensor, t: Float32Array): Float32Array {
    const out = new Float32Array(x.length);
    this.#each(x, t, (view, from, to) => out.set(view.value(this.#rows(x, from, to)), from));
    return out;
  }

  /** grad V at (x, t), of the shape of x. */
  gradient(x: DDTensor, t: Float32Array): DDTensor {
    const out = new Float32Array(x.data.length);
    const d = this.tilt.mixture.dimension;
    this.#each(x, t, (view, from, to) => {
      view.gradient(this.#rows(x, from, to), out.subarray(from * d, to * d));
    });
    return new DDTensor(new Tensor(out, x.shape));
  }

  #rows(x: DDTensor, from: number, to: number): Float32Array {
    const d = this.tilt.mixture.dimension;
    return x.data.subarray(from * d, to * d);
  }

  /** Calls `evaluate` once for each run of equal times; in a rollout that is once, with constants kept from the last call. */
  #each(x: DDTensor, t: Float32Array, evaluate: (view: TiltedView, from: number, to: number) => void): void {
    for (let from = 0, to = 0; from < x.length; from = to) {
      const time = t[from]!;
      while (to < x.length && t[to] === time) {
        to++;
      }
      if (this.#last?.time !== time) {
        this.#last = { time, view: this.tilt.at(pathPoint(this.scheduler, time)) };
      }
      evaluate(this.#last.view, from, to);
    }
  }
}
