import type { Graph } from "./types.js";

/** Hands out names that nothing in a graph uses yet. */
export class UniqueNames {
  readonly #taken: Set<string>;
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set(taken);
  }

  /** Reserves a name as it is. Returns false when it was taken already. */
  reserve(name: string): boolean {
    const free = !this.#taken.has(name);
    this.#taken.add(name);
    return free;
  }

  /** `base` when free, otherwise `base_1`, `base_2`, ... */
  unique(base: string): string {
    let candidate = base;
    while (!this.reserve(candidate)) {
      const count = (this.#next.get(base) ?? 0) + 1;
      this.#next.set(base, count);
      candidate = `${base}_${count}`;
    }
    return candidate;
  }
}

/** Every value name in a graph: inputs, initializers, node outputs. */
export function valueNames(graph: Graph): Set<string> {
  const names = new Set<string>(graph.initializers.keys());
  for (const input of graph.inputs) {
    names.add(input.name);
  }
  for (const node of graph.nodes) {
    for (const output of node.outputs) {
      if (output !== "") {
        names.add(output);
      }
    }
  }
  return names;
}
