import type { Engine, Executable } from "../engine/index.js";
import type { Graph } from "../ir/index.js";

/** A compiled graph that computes gradients, and what its values are called. */
export interface CompiledGradient {
  readonly executable: Executable;
  /** Output name of each gradient, by the name it is with respect to. */
  readonly gradients: ReadonlyMap<string, string>;
  /** Input name of each cotangent, by output name. */
  readonly cotangents: ReadonlyMap<string, string>;
}

/** A graph that computes gradients, before it is compiled. */
export type GradientGraph = Omit<CompiledGradient, "executable"> & { readonly graph: Graph };

/**
 * What the runtime does to some graphs and not to others that compute the same, and which rounds differently: it takes the
 * factor of attention scores into their product unless a Transpose comes to stand between, which depends on the whole graph.
 */
const inexactOptimizers = ["MatMulScaleFusion"];

/**
 * The compiled graphs of a network and of its clones, made when first asked for and shared, because they hold no
 * parameters. They are freed when the last network that uses them is disposed.
 */
export class GraphCache {
  readonly #compiled = new Map<string, Promise<CompiledGradient>>();
  readonly #identities = new WeakMap<object, number>();
  #identityCount = 0;
  #users = 1;

  constructor(readonly engine: Engine) {}

  /**
   * The compiled graph for a key.
   * @param key equal for equal graphs
   * @param make called once, when it is not there yet
   */
  get(key: string, make: () => GradientGraph): Promise<CompiledGradient> {
    const known = this.#compiled.get(key);
    if (known !== undefined) {
      return known;
    }
    const compiled = this.compile(make());
    this.#compiled.set(key, compiled);
    compiled.catch(() => this.#compiled.delete(key));
    return compiled;
  }

  /** A number that stands for an object in a key, the same at every call. */
  identityOf(object: object): number {
    let identity = this.#identities.get(object);
    if (identity === undefined) {
      identity = this.#identityCount++;
      this.#identities.set(object, identity);
    }
    return identity;
  }

  /** Notes one more network that uses this cache. */
  share(): this {
    this.#users += 1;
    return this;
  }

  /** Notes one less; the last one frees everything. */
  async release(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) {
      const all = await Promise.allSettled(this.#compiled.values());
      this.#compiled.clear();
      await Promise.all(
        all.map((entry) => (entry.status === "fulfilled" ? entry.value.executable.dispose() : undefined)),
      );
    }
  }

  private async compile({ graph, gradients, cotangents }: GradientGraph): Promise<CompiledGradient> {
    const withoutOptimizers = gradients.size > 0 ? inexactOptimizers : [];
    return { executable: await this.engine.compile(graph, { withoutOptimizers }), gradients, cotangents };
  }
}
