import type { Parameters } from "../parameters/index.js";
import type { CompiledGradient, GradientGraph, GraphCache } from "./graph-cache.js";

/** The compiled graphs of one network: those of a cache that it shares with its clones, with its own parameters bound to them. */
export class BoundGraphs {
  readonly #parameters: Parameters;
  readonly #bound = new Map<string, Promise<CompiledGradient>>();

  constructor(
    readonly cache: GraphCache,
    parameters: Parameters,
  ) {
    this.#parameters = parameters;
  }

  /** The bound graph for a key; see `GraphCache.get`. */
  get(key: string, make: () => GradientGraph): Promise<CompiledGradient> {
    let bound = this.#bound.get(key);
    if (bound === undefined) {
      bound = this.#bind(this.cache.get(key, make));
      this.#bound.set(key, bound);
      bound.catch(() => this.#bound.delete(key));
    }
    return bound;
  }

  async #bind(compiled: Promise<CompiledGradient>): Promise<CompiledGradient> {
    const { executable, ...names } = await compiled;
    return { executable: executable.bind({ feeds: this.#parameters }), ...names };
  }
}
