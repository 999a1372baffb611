import type { Attributes } from "../ir/index.js";

/** Names without the absent inputs at the end. */
export function trimmed(names: string[]): string[] {
  while (names.length > 0 && names[names.length - 1] === "") {
    names.pop();
  }
  return names;
}

/** Equal for nodes that compute the same. */
export function keyOf(op: string, inputs: readonly string[], attributes: Attributes): string {
  const entries = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  const print = entries.map(([name, { kind, value }]) =>
    kind === "tensor"
      ? `${name}=${value.type}[${value.shape}]${value.data.join()}`
      : `${name}=${JSON.stringify(value)}`,
  );
  return JSON.stringify([op, inputs, print]);
}
