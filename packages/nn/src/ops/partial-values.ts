import type { ConstantTensor, Dimension } from "../ir/index.js";
import type { Application, PartialValue } from "./application.js";
import { resolveAxis } from "./dimensions.js";

/** Integer tensors larger than this are data, not shapes. */
const largestShapeTensor = 1024;

/** The entries of a small integer constant. */
export function partialOfConstant(tensor: ConstantTensor): PartialValue | undefined {
  if ((tensor.type !== "int64" && tensor.type !== "int32") || tensor.shape.length > 1) {
    return undefined;
  }
  return tensor.data.length > largestShapeTensor
    ? undefined
    : { shape: tensor.shape, entries: Array.from<number | bigint, number>(tensor.data, Number) };
}

/** All entries as numbers, or `undefined` when one is not known. */
export function knownNumbers(value: PartialValue | undefined): number[] | undefined {
  return value?.entries.every((entry) => typeof entry === "number") ? (value.entries as number[]) : undefined;
}

/** Entry-by-entry arithmetic on partially known integers with scalar broadcasting. */
export function combinePartial(
  node: Application,
  combine: (a: Dimension, b: Dimension) => Dimension | undefined,
): PartialValue | undefined {
  const [a, b] = node.values;
  if (!a || !b || (a.entries.length !== b.entries.length && a.entries.length !== 1 && b.entries.length !== 1)) {
    return undefined;
  }
  const longer = a.entries.length >= b.entries.length ? a : b;
  const shape = longer.shape.length > 0 || a.shape.length + b.shape.length === 0 ? longer.shape : [1];
  const entries = longer.entries.map((_, i) => {
    const left = a.entries[a.entries.length === 1 ? 0 : i];
    const right = b.entries[b.entries.length === 1 ? 0 : i];
    return left === undefined || right === undefined ? undefined : combine(left, right);
  });
  return { shape, entries };
}

/**
 * Axes given as an int64 input, counted from the front.
 * @returns `undefined` when they are not known before running
 */
export function axesFrom(node: Application, input: number, rank: number): number[] | undefined {
  const given = knownNumbers(node.values[input]);
  return given?.map(
    (axis) => resolveAxis(axis, rank) ?? node.fail(`has the axis ${axis}, outside [${-rank}, ${rank - 1}]`),
  );
}
