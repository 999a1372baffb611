import type { Dimension } from "../ir/index.js";

/** A dimension as a product: a number times symbols, for example `8*N`. */
interface Monomial {
  coefficient: number;
  symbols: string[];
}

function parse(dimension: Dimension): Monomial {
  if (typeof dimension === "number") {
    return { coefficient: dimension, symbols: [] };
  }
  const monomial: Monomial = { coefficient: 1, symbols: [] };
  for (const factor of dimension.split("*")) {
    if (/^\d+$/.test(factor)) {
      monomial.coefficient *= Number(factor);
    } else {
      monomial.symbols.push(factor);
    }
  }
  return monomial;
}

function print({ coefficient, symbols }: Monomial): Dimension {
  if (symbols.length === 0 || coefficient === 0) {
    return coefficient;
  }
  const sorted = [...symbols].sort();
  return (coefficient === 1 ? sorted : [String(coefficient), ...sorted]).join("*");
}

/** Product of dimensions; `8*N` for 8 and `N`, `1` for none. */
export function productOf(dimensions: readonly Dimension[]): Dimension {
  const total: Monomial = { coefficient: 1, symbols: [] };
  for (const dimension of dimensions) {
    const { coefficient, symbols } = parse(dimension);
    total.coefficient *= coefficient;
    total.symbols.push(...symbols);
  }
  return print(total);
}

/** Exact quotient of two dimensions, or `undefined` when it cannot be told before running. */
export function quotientOf(numerator: Dimension, denominator: Dimension): Dimension | undefined {
  const over = parse(numerator);
  const under = parse(denominator);
  for (const symbol of under.symbols) {
    const at = over.symbols.indexOf(symbol);
    if (at < 0) {
      return undefined;
    }
    over.symbols.splice(at, 1);
  }
  const coefficient = over.coefficient / under.coefficient;
  return Number.isInteger(coefficient) ? print({ coefficient, symbols: over.symbols }) : undefined;
}

/** Length of an axis after broadcasting two lengths, or `undefined` when they can never fit. */
export function broadcastDimension(a: Dimension, b: Dimension): Dimension | undefined {
  if (a === b || b === 1) {
    return a;
  }
  if (a === 1) {
    return b;
  }
  if (typeof a === "number") {
    return typeof b === "number" ? undefined : a;
  }
  return typeof b === "number" ? b : `max(${[a, b].sort().join(",")})`;
}

/** Shape after NumPy broadcasting, or `undefined` when the shapes can never fit. */
export function broadcastShapes(shapes: readonly (readonly Dimension[])[]): Dimension[] | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: Dimension[] = new Array<Dimension>(rank).fill(1);
  for (const shape of shapes) {
    for (let axis = 0; axis < shape.length; axis++) {
      const at = rank - shape.length + axis;
      const joined = broadcastDimension(result[at]!, shape[axis]!);
      if (joined === undefined) {
        return undefined;
      }
      result[at] = joined;
    }
  }
  return result;
}

/** True when both shapes are the same, symbols included. */
export function equalShapes(a: readonly Dimension[], b: readonly Dimension[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/** The shape as numbers, or `undefined` when an axis is symbolic. */
export function staticShape(shape: readonly Dimension[]): readonly number[] | undefined {
  return shape.every((dimension) => typeof dimension === "number") ? (shape as readonly number[]) : undefined;
}

/** `[N, 3]` for messages. */
export function printShape(shape: readonly Dimension[]): string {
  return `[${shape.join(", ")}]`;
}

/** An axis counted from the front, or `undefined` when it is outside `[-rank, rank)`. */
export function resolveAxis(axis: number, rank: number): number | undefined {
  const resolved = axis < 0 ? axis + rank : axis;
  return Number.isInteger(axis) && resolved >= 0 && resolved < rank ? resolved : undefined;
}
