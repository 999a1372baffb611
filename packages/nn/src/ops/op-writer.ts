import { attribute, type ValueInfo } from "../ir/index.js";
import { equalShapes, staticShape } from "./dimensions.js";
import { ElementwiseWriter } from "./elementwise-writer.js";
import type { OpName } from "./op-names.js";

/** Which axes a reduction runs over. */
export interface ReduceOptions {
  /** Axes, negative ones counted from the end. @default all */
  readonly axes?: readonly number[];
  /** Keep reduced axes with length 1. @default false */
  readonly keepDims?: boolean;
}

/** A GraphWriter with a method an operator. */
export class OpWriter extends ElementwiseWriter {
  /** Matrix product over the last two axes, broadcasting the others. */
  matMul(a: ValueInfo, b: ValueInfo): ValueInfo {
    return this.one("MatMul", [a, b]);
  }
  /** alpha A' B' + beta C for matrices, where ' transposes if asked. */
  gemm(a: ValueInfo, b: ValueInfo, options: GemmOptions = {}): ValueInfo {
    const { c, alpha = 1, beta = 1, transA = false, transB = false } = options;
    const attributes = {
      ...(alpha === 1 ? {} : { alpha: attribute.float(alpha) }),
      ...(beta === 1 ? {} : { beta: attribute.float(beta) }),
      ...(transA ? { transA: attribute.int(1) } : {}),
      ...(transB ? { transB: attribute.int(1) } : {}),
    };
    return this.one("Gemm", [a, b, c], { attributes });
  }

  /**
   * The shape as a vector of `int64`. Symbols that an input of the graph has are read from that input, so that nothing is
   * computed, or kept in memory, for its shape alone.
   */
  shapeOf(x: ValueInfo): ValueInfo {
    const known = staticShape(x.shape);
    if (known) {
      return this.integers(known);
    }
    const parts = x.shape.map((length) =>
      typeof length === "number" ? this.integers([length]) : this.#lengthOf(length),
    );
    return parts.every((part) => part !== undefined) ? this.concat(parts, 0) : this.one("Shape", [x]);
  }

  /** The length that a symbol stands for as a vector of one, when an input of the graph has it. */
  #lengthOf(symbol: string): ValueInfo | undefined {
    for (const input of this.inputs()) {
      const axis = input.shape.indexOf(symbol);
      if (axis >= 0) {
        return this.slice(this.one("Shape", [input]), { starts: [axis], ends: [axis + 1], axes: [0] });
      }
    }
    return undefined;
  }

  /** The number of entries as an `int64` scalar. */
  sizeOf(x: ValueInfo): ValueInfo {
    return this.one("Size", [x]);
  }
  /** A tensor of one number in the shape of another. */
  fullLike(x: ValueInfo, value: number): ValueInfo {
    return this.expandTo(this.scalar(value, x.type), x);
  }
  /** Zeros in the shape of another tensor. */
  zerosLike(x: ValueInfo): ValueInfo {
    return this.fullLike(x, 0);
  }

  /** The same entries under another shape: a vector of `int64`, or numbers where one may be -1. */
  reshape(x: ValueInfo, shape: ValueInfo | readonly number[]): ValueInfo {
    if (!("name" in shape) && equalShapes(x.shape, shape)) {
      return x;
    }
    return this.one("Reshape", [x, "name" in shape ? shape : this.integers(shape)]);
  }
  /** The same entries in the shape of another tensor. */
  reshapeLike(x: ValueInfo, like: ValueInfo): ValueInfo {
    if (equalShapes(x.shape, like.shape)) {
      return x;
    }
    const symbolic = like.shape.filter((axis) => typeof axis === "string").length;
    if (symbolic > 1 || like.shape.includes(0)) {
      return this.reshape(x, this.shapeOf(like));
    }
    return this.reshape(
      x,
      like.shape.map((axis) => (typeof axis === "string" ? -1 : axis)),
    );
  }
  /** Inserts axes of length 1; positions are in the result. */
  unsqueeze(x: ValueInfo, axes: readonly number[] | ValueInfo): ValueInfo {
    return this.one("Unsqueeze", [x, "name" in axes ? axes : this.integers(axes)]);
  }
  /** Removes axes of length 1. */
  squeeze(x: ValueInfo, axes: readonly number[] | ValueInfo): ValueInfo {
    return this.one("Squeeze", [x, "name" in axes ? axes : this.integers(axes)]);
  }
  /** Axes in another order. @default reversed */
  transpose(x: ValueInfo, permutation: readonly number[] = x.shape.map((_, i) => x.shape.length - 1 - i)): ValueInfo {
    return permutation.every((axis, i) => axis === i)
      ? x
      : this.one("Transpose", [x], { attributes: { perm: attribute.ints(permutation) } });
  }
  /** Broadcast to a shape given as a vector of `int64` or numbers. */
  expand(x: ValueInfo, shape: ValueInfo | readonly number[]): ValueInfo {
    return this.one("Expand", [x, "name" in shape ? shape : this.integers(shape)]);
  }
  /** Broadcast to the shape of another tensor. */
  expandTo(x: ValueInfo, like: ValueInfo): ValueInfo {
    return equalShapes(x.shape, like.shape) ? x : this.expand(x, this.shapeOf(like));
  }

  /** Joins tensors along an axis. */
  concat(parts: readonly ValueInfo[], axis: number): ValueInfo {
    return parts.length === 1 ? parts[0]! : this.one("Concat", parts, { attributes: { axis: attribute.int(axis) } });
  }
  /** Cuts a tensor along an axis into pieces of the given lengths. */
  split(x: ValueInfo, lengths: readonly number[] | ValueInfo, axis: number): ValueInfo[] {
    const sizes = "name" in lengths ? lengths : this.integers(lengths);
    const pieces = sizes.shape[0];
    return this.emit("Split", [x, sizes], {
      attributes: { axis: attribute.int(axis) },
      outputs: typeof pieces === "number" ? pieces : 1,
    });
  }
  /** Entries `start` to `end` (excluded) along axes. */
  slice(x: ValueInfo, { starts, ends, axes }: SliceOptions): ValueInfo {
    const vector = (given: readonly number[] | ValueInfo): ValueInfo =>
      "name" in given ? given : this.integers(given);
    return this.one("Slice", [x, vector(starts), vector(ends), ...(axes ? [vector(axes)] : [])]);
  }
  /** Zeros around a tensor; `pads` are the lengths before every axis, then those after. */
  pad(x: ValueInfo, pads: readonly number[] | ValueInfo): ValueInfo {
    if (!("name" in pads) && pads.every((length) => length === 0)) {
      return x;
    }
    return this.one("Pad", [x, "name" in pads ? pads : this.integers(pads)]);
  }
  /** Slices of `x` along an axis, by whole-number indices of any shape. */
  gather(x: ValueInfo, indices: ValueInfo, axis: number): ValueInfo {
    return this.one("Gather", [x, indices], { attributes: { axis: attribute.int(axis) } });
  }

  /** Sum over axes. */
  reduceSum(x: ValueInfo, options: ReduceOptions = {}): ValueInfo {
    return this.#reduce("ReduceSum", x, options);
  }
  /** Mean over axes. */
  reduceMean(x: ValueInfo, options: ReduceOptions = {}): ValueInfo {
    return this.#reduce("ReduceMean", x, options);
  }
  /** Largest entry over axes. */
  reduceMax(x: ValueInfo, options: ReduceOptions = {}): ValueInfo {
    return this.#reduce("ReduceMax", x, options);
  }
  #reduce(op: OpName, x: ValueInfo, { axes, keepDims = false }: ReduceOptions): ValueInfo {
    if (axes?.length === 0) {
      return x;
    }
    return this.one(op, [x, axes && this.integers(axes)], {
      attributes: { keepdims: attribute.int(keepDims ? 1 : 0) },
    });
  }

  /** exp(x) divided by its sum along an axis. */
  softmax(x: ValueInfo, axis = -1): ValueInfo {
    return this.one("Softmax", [x], { attributes: { axis: attribute.int(axis) } });
  }
}

/** Options of a general matrix product. */
export interface GemmOptions {
  /** Added, broadcast to the product. */
  readonly c?: ValueInfo | undefined;
  /** Factor of the product. @default 1 */
  readonly alpha?: number;
  /** Factor of `c`. @default 1 */
  readonly beta?: number;
  /** @default false */
  readonly transA?: boolean;
  /** @default false */
  readonly transB?: boolean;
}

/** Bounds of a slice. */
export interface SliceOptions {
  readonly starts: readonly number[] | ValueInfo;
  readonly ends: readonly number[] | ValueInfo;
  /** @default the first axes, in order */
  readonly axes?: readonly number[] | ValueInfo;
}
