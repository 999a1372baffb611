import type { GraphBuilder, GraphValue } from "../../src/builder/index.js";
import type { OpName } from "../../src/ops/index.js";
import { pseudoRandom, type TestTensor } from "./run-graph.js";

/** An application of an operator to check against finite differences. */
export interface OpCase {
  readonly inputs: Readonly<Record<string, TestTensor>>;
  build(g: GraphBuilder, inputs: Readonly<Record<string, GraphValue>>): GraphValue | readonly GraphValue[];
  /** Whether the shapes may be symbols that only the run fixes: all axes, the first only, or none. @default true */
  readonly dynamic?: boolean | "batch";
  /** How many times the case is differentiated. @default 2 */
  readonly order?: number;
  /** Distance between the points of the differences, where kinks are near. @default 0.04 */
  readonly stepSize?: number;
  /** Inputs whose shapes stay numbers even so. */
  readonly fixed?: readonly string[];
}

/** Floats in [low, high). */
export function floats(shape: readonly number[], low = -1, high = 1, seed = 1): TestTensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  return { shape, data: pseudoRandom(seed + size, size, low, high) };
}

/** Floats 0.4 apart from each other and at least 0.15 away from 0, in scrambled order; `shift` moves a second set between them. */
export function separated(shape: readonly number[], shift = 0): TestTensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  const order = Array.from(pseudoRandom(5 + size, size), (key, i) => [key, i] as const).sort(([a], [b]) => a - b);
  const data = new Float32Array(size);
  order.forEach(([, i], rank) => {
    data[i] = (rank - Math.floor(size / 2)) * 0.4 + 0.15 + shift;
  });
  return { shape, data };
}

/** A tensor of int64. */
export const integers = (values: readonly number[], shape: readonly number[] = [values.length]): TestTensor => ({
  shape,
  data: BigInt64Array.from(values, BigInt),
});

/** A tensor of conditions. */
export const booleans = (values: readonly number[], shape: readonly number[] = [values.length]): TestTensor => ({
  shape,
  data: Uint8Array.from(values),
});

/** Floats a quarter away from every whole number and from 0, none of them equal. */
export const betweenSteps = (shape: readonly number[]): TestTensor => {
  const { data } = separated(shape);
  return {
    shape,
    data: Float32Array.from(data as Float32Array, (entry, i) => Math.floor(entry / 0.4) + 0.25 + 0.01 * i),
  };
};

/** A graph of one operator over all inputs of the case. */
export const one = (op: OpName, attributes = {}) => ({
  build: (g: GraphBuilder, inputs: Readonly<Record<string, GraphValue>>): GraphValue =>
    g.emit(op, Object.values(inputs), { attributes })[0]!,
});

/** The one case of an operator of one input. */
export const unary = (op: OpName, x: TestTensor): OpCase[] => [{ inputs: { x }, ...one(op) }];
