import { ArgumentError, requireKnown, ShapeError } from "../errors/index.js";
import { sizeOf, Tensor } from "./tensor.js";

/** How a set of numbers becomes one. */
export type Reduction = "mean" | "sum";

/** Refuses what is no reduction, for callers without types. */
export function checkReduction(reduction: Reduction): void {
  requireKnown("Unknown reduction", reduction, ["mean", "sum"], "reduction");
}

/**
 * Sums or averages over axes, accumulating in double precision.
 * @param tensor any tensor
 * @param options.reduction `"sum"` or `"mean"`; the mean of no numbers is refused. @default "sum"
 * @param options.axes axes to remove, negative ones counted from the end. @default all of them
 * @param options.keepAxes leave the removed axes with length 1. @default false
 */
export function reduce(
  tensor: Tensor,
  options: { reduction?: Reduction; axes?: readonly number[]; keepAxes?: boolean } = {},
): Tensor<Float32Array> {
  const { reduction = "sum", keepAxes = false } = options;
  checkReduction(reduction);
  const removed = new Set(
    (options.axes ?? tensor.shape.map((_, i) => i)).map((axis) => resolveAxis(tensor.rank, axis)),
  );
  const kept = tensor.shape.map((length, axis) => (removed.has(axis) ? 1 : length));
  const sums = new Float64Array(sizeOf(kept));
  const count = sums.length === 0 ? 0 : tensor.size / sums.length;
  if (reduction === "mean" && count === 0 && sums.length > 0) {
    throw new ShapeError(`reduce: the mean over no entries (shape [${tensor.shape.join(", ")}]) is undefined.`);
  }
  const position = new Int32Array(tensor.rank);
  const strides = stridesOf(kept).map((stride, axis) => (removed.has(axis) ? 0 : stride));
  let target = 0;
  for (let i = 0; i < tensor.size; i++) {
    sums[target]! += tensor.data[i]!;
    for (let axis = tensor.rank - 1; axis >= 0; axis--) {
      target += strides[axis]!;
      if (++position[axis]! < tensor.shape[axis]!) {
        break;
      }
      target -= strides[axis]! * tensor.shape[axis]!;
      position[axis] = 0;
    }
  }
  const out = new Float32Array(sums.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = reduction === "mean" ? sums[i]! / count : sums[i]!;
  }
  return new Tensor(out, keepAxes ? kept : tensor.shape.filter((_, axis) => !removed.has(axis)));
}

function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

function resolveAxis(rank: number, axis: number): number {
  const resolved = axis < 0 ? rank + axis : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new ArgumentError(`reduce: axis ${axis} does not exist in a tensor of ${rank} axes.`, "axes", axis);
  }
  return resolved;
}
