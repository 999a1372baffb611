import { ArgumentError, nearestName, ShapeError, type Tensor } from "@diffusiongym/core";
import type { Graph, ValueInfo } from "../ir/index.js";

/** Lengths of symbolic axes, by symbol, and which input fixed each. */
export type SymbolLengths = ReadonlyMap<string, { readonly length: number; readonly input: string }>;

/**
 * Checks one input against what a graph declares, and notes the lengths of its symbolic axes.
 * @param graphName for messages
 * @param info the declared input
 * @param tensor what was given
 * @param symbols lengths known so far; new ones are added
 * @throws ShapeError when an axis differs, or a symbol had another length before
 */
export function checkInput(
  graphName: string,
  info: ValueInfo,
  tensor: Tensor,
  symbols: Map<string, { readonly length: number; readonly input: string }>,
): void {
  const { name, shape } = info;
  let isFitting = shape.length === tensor.shape.length;
  for (let axis = 0; isFitting && axis < shape.length; axis++) {
    const declared = shape[axis]!;
    const length = tensor.shape[axis]!;
    if (typeof declared === "number") {
      isFitting = declared === length;
      continue;
    }
    const known = symbols.get(declared);
    if (known === undefined) {
      symbols.set(declared, { length, input: name });
    } else if (known.length !== length) {
      throw new ShapeError(
        `Graph "${graphName}": the axis ${declared} is ${known.length} in "${known.input}" and ${length} in "${name}" [${tensor.shape.join(", ")}].`,
        undefined,
        tensor.shape,
      );
    }
  }
  if (!isFitting) {
    throw new ShapeError(
      `Graph "${graphName}": the input "${name}" has the shape [${shape.join(", ")}] and was given [${tensor.shape.join(", ")}].`,
      shape.every((axis) => typeof axis === "number") ? (shape as readonly number[]) : undefined,
      tensor.shape,
    );
  }
}

/**
 * Finds a declared name.
 * @throws ArgumentError suggesting the nearest, when there is none of that name
 */
export function requireName(graph: Graph, kind: "input" | "output", name: string): void {
  const names = kind === "input" ? graph.inputs.map((input) => input.name) : graph.outputs;
  if (!names.includes(name)) {
    const nearest = nearestName(name, names);
    throw new ArgumentError(
      `Graph "${graph.name}" has no ${kind} "${name}"${nearest === undefined ? `; it has ${names.join(", ")}` : `; did you mean "${nearest}"?`}`,
      kind,
      name,
    );
  }
}
