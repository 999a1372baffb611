import { ArgumentError, nearestName } from "@diffusiongym/core";
import type { ValueInfo } from "../ir/index.js";

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
  const lengths = new Map(Object.entries(dims));
  return inputs.map((input) => ({
    ...input,
    shape: input.shape.map((length) => (typeof length === "string" ? (lengths.get(length) ?? length) : length)),
  }));
}
