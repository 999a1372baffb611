import { attribute, type Dimension, type ElementType, intAttribute, type ValueInfo } from "../ir/index.js";
import { declareShape, inputGradient } from "./convolution-gradients.js";
import type { Differentiation } from "./definition.js";
import { equalShapes, staticShape } from "./dimensions.js";
import type { OpWriter } from "./op-writer.js";
import { spanOf, type Window, windowAttributes, windowCount, windowsOf } from "./windows.js";

/** All channels as samples of one channel, so that one small kernel serves whatever their number is. */
function oneChannel(write: OpWriter, x: ValueInfo): ValueInfo {
  const spatial = x.shape.slice(2);
  const lengths = staticShape(spatial);
  if (lengths) {
    return write.reshape(x, [-1, 1, ...lengths]);
  }
  const rest = write.slice(write.shapeOf(x), { starts: [2], ends: [x.shape.length], axes: [0] });
  return write.reshape(x, write.concat([write.integers([-1, 1]), rest], 0));
}

/** The windows with their padding made as long as the last window reaches, or can reach, when counts are rounded up. */
function reaching(windows: readonly Window[], lengths: readonly Dimension[]): Window[] {
  return windows.map((window, axis) => {
    const [before, after] = window.pads!;
    const count = windowCount(lengths[axis]!, window, true);
    const reach =
      typeof count === "number" && typeof lengths[axis] === "number"
        ? (count - 1) * window.stride + spanOf(window) - before - lengths[axis]
        : after + window.stride - 1;
    return { ...window, pads: [before, Math.max(after, reach)] };
  });
}

interface Averaging {
  /** As they are given. */
  readonly windows: readonly Window[];
  /** With padding as far as the last window reaches. */
  readonly reached: readonly Window[];
  readonly gradient: ValueInfo;
}

/** The share of each window that counts: not what is beyond the end, and not padding unless that is asked for. */
function countedShare(node: Differentiation, { windows, reached, gradient }: Averaging): ValueInfo | undefined {
  const { write } = node;
  const withPadding = intAttribute(node.attributes, "count_include_pad", 0) !== 0;
  const uncounted = reached.some(({ pads }, axis) =>
    withPadding ? pads![1] > windows[axis]!.pads![1] : pads![0] + pads![1] > 0,
  );
  if (!uncounted) {
    return undefined;
  }
  const x = node.input(0);
  const inside = write.slice(write.shapeOf(x), { starts: [2], ends: [x.shape.length], axes: [0] });
  const padding = write.integers(windows.map(({ pads }) => (withPadding ? pads![0] + pads![1] : 0)));
  const counted = write.concat([write.integers([1, 1]), write.add(inside, padding)], 0);
  const ones = write.expand(write.scalar(1, x.type), counted);
  // A convolution takes padding of any length; the runtime's pooling takes none as long as its window.
  const moved = reached.map((window, axis): Window => {
    const [before, after] = window.pads!;
    return { ...window, pads: withPadding ? [0, after - windows[axis]!.pads![1]] : [before, after] };
  });
  const shares = write.emit("Conv", [ones, meanKernel(write, x.type, windows)], {
    attributes: windowAttributes(moved),
  })[0]!;
  if (equalShapes(shares.shape.slice(2), gradient.shape.slice(2))) {
    return shares;
  }
  const axes = windows.map((_, axis) => axis + 2);
  const ends = write.slice(write.shapeOf(gradient), { starts: [2], ends: [x.shape.length], axes: [0] });
  return write.slice(shares, { starts: axes.map(() => 0), ends, axes });
}

/** One channel's kernel that takes the mean. */
function meanKernel(write: OpWriter, type: ElementType, windows: readonly Window[]): ValueInfo {
  return write.expand(write.scalar(1 / sizeOf(windows), type), [1, 1, ...windows.map(({ kernel }) => kernel)]);
}

const sizeOf = (windows: readonly Window[]): number => windows.reduce((product, { kernel }) => product * kernel, 1);

function average(write: OpWriter, x: ValueInfo, windows: readonly Window[]): ValueInfo {
  const { dilations: _, ...attributes } = windowAttributes(windows);
  return write.emit("AveragePool", [x], { attributes: { ...attributes, count_include_pad: attribute.int(1) } })[0]!;
}

// y_p = mean of x over the window at p:  dx_q = sum of dy_p / (entries of the window at p) over the windows that hold q
export function gradientOfAveragePool(node: Differentiation): ValueInfo | undefined {
  const { write, attributes, refuse } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const x = node.input(0);
  const lengths = x.shape.slice(2);
  const windows = windowsOf({ attributes, lengths, fail: refuse });
  if (!windows?.every(({ pads }) => pads)) {
    return refuse("its padding is decided while the graph runs");
  }
  const reached = intAttribute(attributes, "ceil_mode", 0) !== 0 ? reaching(windows, lengths) : windows;
  const share = countedShare(node, { windows, reached, gradient });
  const cotangent = share ? write.div(gradient, share) : gradient;
  const tiled = windows.every(
    ({ kernel, stride, pads }, axis) =>
      kernel === stride && pads![0] + pads![1] === 0 && gradient.shape[axis + 2] === quotient(lengths[axis]!, stride),
  );
  if (tiled) {
    const scales = [1, 1, ...windows.map(({ stride }) => stride)];
    return declareShape(write, repeatEntries(write, write.mul(cotangent, 1 / sizeOf(windows)), scales), x);
  }
  const spread = inputGradient(
    { write, windows: reached, groups: 1 },
    { cotangent: oneChannel(write, cotangent), weight: meanKernel(write, x.type, windows), like: oneChannel(write, x) },
  );
  return declareShape(write, spread, x);
}

const quotient = (length: Dimension, stride: number): number | undefined =>
  typeof length === "number" && length % stride === 0 ? length / stride : undefined;

/** Every entry repeated a whole number of times along each axis. */
function repeatEntries(write: OpWriter, x: ValueInfo, times: readonly number[]): ValueInfo {
  const scales = { type: "float32", shape: [times.length], data: Float32Array.from(times) } as const;
  return write.emit("Resize", [x, undefined, write.constant(scales)], {
    attributes: {
      mode: attribute.string("nearest"),
      nearest_mode: attribute.string("floor"),
      coordinate_transformation_mode: attribute.string("asymmetric"),
    },
  })[0]!;
}

/** Sums over blocks of entries, the adjoint of repeating each. */
export function sumBlocks(write: OpWriter, x: ValueInfo, blocks: readonly number[]): ValueInfo {
  const windows = blocks.map((kernel): Window => ({ kernel, stride: kernel, dilation: 1, pads: [0, 0] }));
  return write.mul(
    average(write, x, windows),
    blocks.reduce((product, kernel) => product * kernel, 1),
  );
}
