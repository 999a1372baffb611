import { ArgumentError } from "../errors/index.js";
import type { Scheduler, SchedulerFunction, SchedulerLike } from "./scheduler.js";
import type { FeatureSchedulersSpec } from "./spec.js";

/**
 * One scheduler for each named part of the data, for records whose features are noised at rates of their own:
 * `new FeatureSchedulers({ positions: new OptimalTransport(), types: new Cosine(2) })`.
 */
export class FeatureSchedulers implements SchedulerLike {
  /** The schedulers by part. */
  readonly parts: { readonly [part: string]: Scheduler };

  /**
   * @param parts at least one scheduler, by the name of the part
   * @throws ArgumentError when there is none
   */
  constructor(parts: { readonly [part: string]: Scheduler }) {
    if (Object.keys(parts).length === 0) {
      throw new ArgumentError(
        "FeatureSchedulers: give at least one part, such as { x: new Cosine(1) }.",
        "parts",
        parts,
      );
    }
    this.parts = { ...parts };
  }

  evaluate(f: SchedulerFunction, t: number): Record<string, number> {
    return this.#map((scheduler) => scheduler.evaluate(f, t));
  }

  evaluateBatch(f: SchedulerFunction, times: Float32Array): Record<string, Float64Array> {
    return this.#map((scheduler) => scheduler.evaluateBatch(f, times));
  }

  spec(): FeatureSchedulersSpec {
    return { type: "features", parts: this.#map((scheduler) => scheduler.spec()) };
  }

  #map<T>(f: (scheduler: Scheduler) => T): Record<string, T> {
    return Object.fromEntries(Object.entries(this.parts).map(([part, scheduler]) => [part, f(scheduler)]));
  }
}
