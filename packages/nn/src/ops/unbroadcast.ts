import { attribute, type ValueInfo } from "../ir/index.js";
import type { OpWriter } from "./op-writer.js";

/**
 * The adjoint of broadcasting: sums a gradient over the axes along which `target` was repeated, so that it has the
 * shape of `target` again. Which axes those are is decided here when the shapes tell, and at run time (by comparing
 * shapes) only when a symbol may or may not stand for 1.
 * @param write where nodes are written
 * @param gradient in the broadcast shape, or a smaller one that broadcasts to it
 * @param target whose shape is wanted
 */
export function unbroadcast(write: OpWriter, gradient: ValueInfo, target: ValueInfo): ValueInfo {
  const extra = gradient.shape.length - target.shape.length;
  if (extra < 0) {
    return write.expandTo(gradient, target);
  }
  const leading = Array.from({ length: extra }, (_, axis) => axis);
  const repeated: number[] = [];
  let undecided = false;
  let smaller = false;
  target.shape.forEach((length, axis) => {
    const given = gradient.shape[extra + axis]!;
    if (given === length) {
      return;
    }
    if (length === 1) {
      repeated.push(extra + axis);
    } else if (given === 1) {
      smaller = true;
    } else {
      undecided = true;
    }
  });
  if (undecided) {
    return sumToShape(write, gradient, target);
  }
  const summed = write.reduceSum(gradient, { axes: [...leading, ...repeated], keepDims: repeated.length > 0 });
  const shaped = repeated.length > 0 && extra > 0 ? write.squeeze(summed, leading) : summed;
  return smaller ? write.expandTo(shaped, target) : shaped;
}

/** Sums over the axes on which the shapes turn out to differ when the graph runs. */
function sumToShape(write: OpWriter, gradient: ValueInfo, target: ValueInfo): ValueInfo {
  const extra = gradient.shape.length - target.shape.length;
  const ones = write.integers(new Array<number>(extra).fill(1));
  const shape = extra > 0 ? write.concat([ones, write.shapeOf(target)], 0) : write.shapeOf(target);
  const differs = write.not(write.equal(shape, write.shapeOf(gradient)));
  const axes = write.squeeze(write.emit("NonZero", [differs])[0]!, [0]);
  const summed = write.emit("ReduceSum", [gradient, axes], {
    attributes: { keepdims: attribute.int(1), noop_with_empty_axes: attribute.int(1) },
  })[0]!;
  const leading = Array.from({ length: extra }, (_, axis) => axis);
  const squeezed = extra > 0 ? write.squeeze(summed, leading) : summed;
  // An axis may also turn out to be shorter than the target's, as 1; the last step tells the writer the shape.
  return write.reshape(write.expand(squeezed, write.shapeOf(target)), write.shapeOf(target));
}
