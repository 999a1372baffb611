import type { ValueInfo } from "../ir/index.js";
import type { Interpolation } from "./interpolation.js";
import type { OpWriter } from "./op-writer.js";

/** Lengths of an axis as `float32` scalars, before and after it is resized. */
export interface AxisLengths {
  readonly before: ValueInfo;
  readonly after: ValueInfo;
}

/** How an axis whose length only the run decides is resized. */
export interface RunTimeResize extends Interpolation {
  readonly lengths: AxisLengths;
  /** Output entries an input entry, a `float32` scalar. */
  readonly scale: ValueInfo;
}

/** The length of an axis as a `float32` scalar. */
export function lengthOf(write: OpWriter, x: ValueInfo, axis: number): ValueInfo {
  const entry = write.slice(write.shapeOf(x), { starts: [axis], ends: [axis + 1], axes: [0] });
  return write.cast(write.squeeze(entry, [0]), "float32");
}

/** An entry of the input and its part in each entry of the output, both [out]. */
interface Tap {
  readonly index: ValueInfo;
  readonly weight: ValueInfo | number;
}

/** 0, 1, 2, ... as `float32`, [length]. */
const positions = (write: OpWriter, length: ValueInfo): ValueInfo =>
  write.emit("Range", [write.scalar(0), length, write.scalar(1)])[0]!;

const floor = (write: OpWriter, x: ValueInfo): ValueInfo => write.emit("Floor", [x])[0]!;
const ceil = (write: OpWriter, x: ValueInfo): ValueInfo => write.emit("Ceil", [x])[0]!;

/** Position in the input of every entry of the output, as ONNX defines it, [out]. */
function placed(write: OpWriter, { coordinates, lengths, scale }: RunTimeResize): ValueInfo {
  const at = positions(write, lengths.after);
  const last = (length: ValueInfo): ValueInfo => write.sub(length, 1);
  const halfPixel = write.sub(write.div(write.add(at, 0.5), scale), 0.5);
  switch (coordinates) {
    case "asymmetric":
      return write.div(at, scale);
    case "align_corners":
      return write.div(write.mul(at, last(lengths.before)), write.max(last(lengths.after), 1));
    case "half_pixel_symmetric": {
      const adjustment = write.div(lengths.after, write.mul(scale, lengths.before));
      return write.add(write.mul(write.mul(lengths.before, 0.5), write.sub(1, adjustment)), halfPixel);
    }
    case "pytorch_half_pixel":
      return write.where(write.greater(lengths.after, 1), halfPixel, 0);
    default:
      return halfPixel;
  }
}

/** Weight of an entry at a distance, R. Keys, 1981, equation 8. */
function cubicWeight(write: OpWriter, distance: ValueInfo, a: number): ValueInfo {
  const d = write.abs(distance);
  const polynomial = (...coefficients: readonly [number, ...number[]]): ValueInfo =>
    coefficients
      .slice(1)
      .reduce<ValueInfo>(
        (sum, next) => write.add(write.mul(sum, d), next),
        write.mul(write.fullLike(d, 1), coefficients[0]),
      );
  const near = polynomial(a + 2, -(a + 3), 0, 1);
  const far = polynomial(a, -5 * a, 8 * a, -4 * a);
  return write.where(write.greater(d, 1), write.where(write.less(d, 2), far, 0), near);
}

function tapsOf(write: OpWriter, resize: RunTimeResize): Tap[] {
  const at = placed(write, resize);
  const last = write.sub(resize.lengths.before, 1);
  const clamp = (index: ValueInfo): ValueInfo => write.min(write.max(index, 0), last);
  switch (resize.mode) {
    case "nearest": {
      const rounded = {
        floor: () => floor(write, at),
        ceil: () => ceil(write, at),
        round_prefer_ceil: () => floor(write, write.add(at, 0.5)),
      }[resize.nearestMode];
      return [{ index: clamp(rounded ? rounded() : ceil(write, write.sub(at, 0.5))), weight: 1 }];
    }
    case "linear": {
      const inside = clamp(at);
      const low = floor(write, inside);
      const part = write.sub(inside, low);
      return [
        { index: low, weight: write.sub(1, part) },
        { index: clamp(write.add(low, 1)), weight: part },
      ];
    }
    default: {
      const low = floor(write, at);
      const taps = [-1, 0, 1, 2].map((offset) => {
        const index = write.add(low, offset);
        const inside = clamp(index);
        const weight = cubicWeight(write, write.sub(at, index), resize.cubicCoefficient);
        return {
          index: inside,
          weight: resize.excludeOutside ? write.where(write.equal(index, inside), weight, 0) : weight,
        };
      });
      const total = taps.map(({ weight }) => weight).reduce((sum, next) => write.add(sum, next));
      return resize.excludeOutside
        ? taps.map(({ index, weight }) => ({ index, weight: write.div(weight, total) }))
        : taps;
    }
  }
}

/** The matrix A [out, in] of y = A x for an axis whose length only the run decides: what `interpolationMatrix` gives for others. */
export function matrixAtRunTime(write: OpWriter, resize: RunTimeResize): ValueInfo {
  const columns = write.unsqueeze(positions(write, resize.lengths.before), [0]);
  return tapsOf(write, resize)
    .map(({ index, weight }) => {
      const hit = write.cast(write.equal(write.unsqueeze(index, [1]), columns), "float32");
      return typeof weight === "number" ? write.mul(hit, weight) : write.mul(hit, write.unsqueeze(weight, [1]));
    })
    .reduce((sum, next) => write.add(sum, next));
}
