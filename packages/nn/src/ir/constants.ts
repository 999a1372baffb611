import { ShapeError } from "@diffusiongym/core";
import type { ConstantTensor, ElementArrays, ElementType } from "./types.js";

/**
 * A constant tensor over an array that is held, not copied.
 * @throws ShapeError when the array's length is not the product of the shape
 */
export function constantTensor<T extends ElementType>(
  type: T,
  shape: readonly number[],
  data: ElementArrays[T],
): ConstantTensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  if (size !== data.length) {
    throw new ShapeError(
      `Constant of shape [${shape.join(", ")}] holds ${size} entries but its array has ${data.length}.`,
      shape,
      [data.length],
    );
  }
  return { type, shape, data } as ConstantTensor;
}

/** A `float32` scalar. */
export function floatScalar(value: number): ConstantTensor {
  return constantTensor("float32", [], Float32Array.of(value));
}

/** A vector of `int64`: axes, shapes, slice bounds. */
export function int64Vector(values: readonly number[]): ConstantTensor {
  return constantTensor("int64", [values.length], BigInt64Array.from(values, BigInt));
}

/** An `int64` scalar. */
export function int64Scalar(value: number): ConstantTensor {
  return constantTensor("int64", [], BigInt64Array.of(BigInt(value)));
}

/** The entries as numbers; for shapes and axes, which are small. */
export function constantNumbers(tensor: ConstantTensor): number[] {
  return Array.from<number | bigint, number>(tensor.data, Number);
}
