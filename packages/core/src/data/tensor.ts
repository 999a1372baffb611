import { ArgumentError, ShapeError } from "../errors/index.js";

/** Arrays that a tensor may hold: 32-bit floats for everything that is diffused, integers for labels and masks. */
export type TensorArray = Float32Array | Int32Array | Uint8Array;

/** Element type of a tensor. */
export type TensorType = "float32" | "int32" | "uint8";

const arrayTypes: Record<TensorType, new (length: number) => TensorArray> = {
  float32: Float32Array,
  int32: Int32Array,
  uint8: Uint8Array,
};

/**
 * A dense row-major array with a shape. The array is held, not copied; tensors are treated as values, so nothing in
 * diffusiongym writes into an array that a caller handed in.
 */
export class Tensor<A extends TensorArray = TensorArray> {
  /** Number of axes. */
  readonly rank: number;

  /**
   * @param data row-major entries; its length must be the product of `shape`
   * @param shape lengths of the axes; `[]` is a scalar
   * @throws ShapeError when length and shape disagree, or an axis is negative or fractional
   */
  constructor(
    readonly data: A,
    readonly shape: readonly number[],
  ) {
    const size = sizeOf(shape);
    if (size !== data.length) {
      throw new ShapeError(
        `Tensor: shape [${shape.join(", ")}] holds ${size} entries but the array has ${data.length}.`,
        shape,
        [data.length],
      );
    }
    this.rank = shape.length;
  }

  /** Element type. */
  get type(): TensorType {
    return this.data instanceof Float32Array ? "float32" : this.data instanceof Int32Array ? "int32" : "uint8";
  }

  /** Number of entries. */
  get size(): number {
    return this.data.length;
  }

  /**
   * A float tensor from nested or flat numbers.
   * @param values nested arrays, all of one shape, or a flat array with `shape`
   * @param shape needed only for a flat array of higher rank
   */
  static from(values: NestedNumbers, shape?: readonly number[]): Tensor<Float32Array> {
    const inferred = shape ?? shapeOf(values);
    return new Tensor(Float32Array.from(flatten(values)), inferred);
  }

  /** A float tensor of zeros. */
  static zeros(shape: readonly number[]): Tensor<Float32Array> {
    return new Tensor(new Float32Array(sizeOf(shape)), shape);
  }

  /** A float tensor with every entry equal to `value`. */
  static full(shape: readonly number[], value: number): Tensor<Float32Array> {
    return new Tensor(new Float32Array(sizeOf(shape)).fill(value), shape);
  }

  /** The same array under another shape; one axis may be -1. */
  reshape(shape: readonly number[]): Tensor<A> {
    const known = sizeOf(shape.map((axis) => (axis === -1 ? 1 : axis)));
    const resolved = shape.map((axis) => (axis === -1 ? this.size / Math.max(known, 1) : axis));
    return new Tensor(this.data, resolved);
  }

  /** Rows `start` to `end` (excluded) of the first axis, as a copy; negative numbers count from the end. */
  slice(start?: number, end?: number): Tensor<A> {
    const rows = this.shape[0];
    if (rows === undefined) {
      throw new ShapeError("Tensor.slice: a scalar has no first axis to slice.", undefined, this.shape);
    }
    const [from, to] = resolveSlice(rows, start, end);
    const stride = rows === 0 ? 0 : this.size / rows;
    return new Tensor(this.data.slice(from * stride, to * stride) as A, [to - from, ...this.shape.slice(1)]);
  }

  /** A copy with its own array. */
  clone(): Tensor<A> {
    return new Tensor(this.data.slice() as A, this.shape);
  }

  /** The entries as nested arrays, for printing and tests. */
  toArray(): NestedNumbers {
    const build = (axis: number, offset: number, stride: number): NestedNumbers => {
      if (axis === this.rank) {
        return this.data[offset]!;
      }
      const length = this.shape[axis]!;
      const inner = length === 0 ? 0 : stride / length;
      return Array.from({ length }, (_, i) => build(axis + 1, offset + i * inner, inner));
    };
    return build(0, 0, this.size);
  }
}

/** Numbers nested to any depth. */
export type NestedNumbers = number | ArrayLike<number> | readonly NestedNumbers[];

/** An empty array of an element type. */
export function allocate(type: TensorType, length: number): TensorArray {
  return new arrayTypes[type](length);
}

/**
 * Product of the axes.
 * @throws ShapeError when an axis is negative or not an integer
 */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const axis of shape) {
    if (!Number.isInteger(axis) || axis < 0) {
      throw new ShapeError(
        `Shape [${shape.join(", ")}] has the axis ${axis}; axes are whole numbers >= 0.`,
        undefined,
        shape,
      );
    }
    size *= axis;
  }
  return size;
}

/** True when both shapes have the same axes. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((axis, i) => axis === b[i]);
}

/** Bounds of a slice as Array.prototype.slice understands them, clamped to [0, length]. */
export function resolveSlice(length: number, start = 0, end = length): [number, number] {
  const resolve = (bound: number, name: string): number => {
    if (!Number.isInteger(bound)) {
      throw new ArgumentError(`slice: ${name} must be a whole number, got ${bound}.`, name, bound);
    }
    return Math.min(Math.max(bound < 0 ? length + bound : bound, 0), length);
  };
  const from = resolve(start, "start");
  return [from, Math.max(resolve(end, "end"), from)];
}

/**
 * An index into `length` samples, negative ones counted from the end.
 * @throws ArgumentError when it is fractional or outside [-length, length)
 */
export function resolveIndex(length: number, index: number): number {
  const resolved = index < 0 ? length + index : index;
  if (!Number.isInteger(index) || resolved < 0 || resolved >= length) {
    throw new ArgumentError(
      `Index ${index} is outside a batch of ${length}; allowed are whole numbers from ${-length} to ${length - 1}.`,
      "index",
      index,
    );
  }
  return resolved;
}

function isNested(values: NestedNumbers): values is readonly NestedNumbers[] {
  return Array.isArray(values) && values.some((value) => typeof value === "object");
}

function shapeOf(values: NestedNumbers): number[] {
  if (typeof values === "number") {
    return [];
  }
  if (!isNested(values)) {
    return [values.length];
  }
  const inner = shapeOf(values[0]!);
  for (const value of values) {
    if (!sameShape(shapeOf(value), inner)) {
      throw new ShapeError(`Tensor.from: rows of different shapes, [${inner}] and [${shapeOf(value)}].`);
    }
  }
  return [values.length, ...inner];
}

function flatten(values: NestedNumbers): ArrayLike<number> {
  if (typeof values === "number") {
    return [values];
  }
  return isNested(values) ? values.flatMap((value) => Array.from(flatten(value))) : (values as ArrayLike<number>);
}
