import type { ValueInfo } from "../ir/index.js";
import type { OpWriter } from "../ops/index.js";

/** Sums of cotangents by value, while a graph is walked backwards. */
export class Adjoints {
  readonly #write: OpWriter;
  readonly #sums = new Map<string, ValueInfo>();
  #changed = new Set<string>();

  constructor(write: OpWriter) {
    this.#write = write;
  }

  add(name: string, cotangent: ValueInfo): void {
    const sum = this.#sums.get(name);
    this.set(name, sum ? this.#write.add(sum, cotangent) : cotangent);
  }

  set(name: string, sum: ValueInfo): void {
    this.#sums.set(name, sum);
    this.#changed.add(name);
  }

  get(name: string): ValueInfo | undefined {
    return this.#sums.get(name);
  }

  /** Names of the sums that changed since this was last asked. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }
}
