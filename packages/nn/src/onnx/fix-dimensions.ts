import { ArgumentError, nearestName } from "@diffusiongym/core";
import type { Dimension, ValueInfo } from "../ir/index.js";

/**
 * The inputs with symbolic axes fixed to numbers.
 * @throws ArgumentError for a symbol that no input has, with the nearest one, or a length that is not a whole number above 0
 */
export function fixDimensions(inputs: readonly ValueInfo[], dims: Readonly<Record<string, number>>): ValueInfo[] {
  const symbols = new Set(inputs.flatMap(({ shape }) => shape.filter((length) => typeof length === "string")));
  for (const [symbol, length] of Object.entries(dims)) {
    if (!symbols.has(symbol)) {
      const nearest = nearestName(symbol, symbols);
      throw new ArgumentError(
        `parseOnnx: no input has an axis called "${symbol}"${nearest === undefined ? "" : `; did you mean "${nearest}"?`}.`,
        "dims",
        symbol,
      );
    }
    if (!Number.isSafeInteger(length) || length < 1) {
      throw new ArgumentError(
        `parseOnnx: dims.${symbol} is ${length}; an axis is a whole number above 0.`,
        "dims",
        length,
      );
    }
  }
  return inputs.map((input) => ({ ...input, shape: withLengths(input.shape, dims) }));
}

/** A shape with symbols replaced by the lengths that are given for them. */
export function withLengths(shape: readonly Dimension[], dims: Readonly<Record<string, number>>): Dimension[] {
  return shape.map((length) => (typeof length === "string" && Object.hasOwn(dims, length) ? dims[length]! : length));
}
