import { type Attributes, attribute, type ValueInfo } from "../ir/index.js";
import { equalShapes, staticShape } from "./dimensions.js";
import type { OpWriter } from "./op-writer.js";
import { spanOf, type Window, windowAttributes } from "./windows.js";

/** A convolution whose windows are all known. */
export interface Convolution {
  readonly write: OpWriter;
  readonly windows: readonly Window[];
  readonly groups: number;
}

/** Windows with padding that is known. */
const padsOf = ({ pads }: Window): readonly [number, number] => pads ?? [0, 0];

/** The value under another value's shape, which it is known to have when the graph runs. */
export function declareShape(write: OpWriter, value: ValueInfo, like: ValueInfo): ValueInfo {
  return equalShapes(value.shape, like.shape) ? value : write.reshape(value, write.shapeOf(like));
}

const attributesOf = ({ groups }: Convolution, windows: readonly Window[], others: Attributes = {}): Attributes => ({
  ...windowAttributes(windows),
  group: attribute.int(groups),
  ...others,
});

/**
 * What a convolution passes back to its input:  dx[c, q] = sum_{o, k} w[o, c, k] dy[o, p]  over p s + k d - before = q.
 * With stride 1 that is a convolution with the flipped, transposed kernel, which runs half again as fast as the transposed
 * convolution that other strides need.
 * @param weight of shape [out, in / groups, kernel...]
 * @param like whose shape is wanted
 */
export function inputGradient(
  convolution: Convolution,
  { cotangent, weight, like }: { cotangent: ValueInfo; weight: ValueInfo; like: ValueInfo },
): ValueInfo {
  const { write, windows } = convolution;
  const margins = windows.map((window) => padsOf(window).map((pad) => spanOf(window) - 1 - pad) as [number, number]);
  if (windows.every(({ stride }, axis) => stride === 1 && Math.min(...margins[axis]!) >= 0)) {
    const moved = windows.map((window, axis) => ({ ...window, pads: margins[axis] }));
    const attributes = attributesOf(convolution, moved);
    const flipped = flipKernel(convolution, weight);
    return declareShape(write, write.emit("Conv", [cotangent, flipped], { attributes })[0]!, like);
  }
  const [before, after] = [staticShape(like.shape.slice(2)), staticShape(cotangent.shape.slice(2))];
  if (before && after) {
    const missing = windows.map((window, axis) => {
      const [start, end] = padsOf(window);
      return before[axis]! - ((after[axis]! - 1) * window.stride + spanOf(window) - start - end);
    });
    const attributes = attributesOf(convolution, windows, { output_padding: attribute.ints(missing) });
    return declareShape(write, write.emit("ConvTranspose", [cotangent, weight], { attributes })[0]!, like);
  }
  // How many entries at the end no window reached is decided by the run: make as many as there can be, and cut.
  const open = windows.map((window) => ({ ...window, pads: [padsOf(window)[0], 0] as const }));
  const most = attribute.ints(windows.map(({ stride }) => stride - 1));
  const attributes = attributesOf(convolution, open, { output_padding: most });
  const long = write.emit("ConvTranspose", [cotangent, weight], { attributes })[0]!;
  const axes = windows.map((_, axis) => axis + 2);
  const ends = write.slice(write.shapeOf(like), { starts: [2], ends: [like.shape.length], axes: [0] });
  return declareShape(write, write.slice(long, { starts: axes.map(() => 0), ends, axes }), like);
}

/** Kernels with at most so many entries are reversed by a matrix product, which takes a fifth of the time of a slice backwards. */
const smallKernel = 25;

/** [out, in / groups, kernel...] as [in, out / groups, kernel...] with the kernel reversed. */
function flipKernel({ write, groups }: Convolution, weight: ValueInfo): ValueInfo {
  const [out, inner, ...kernel] = weight.shape as readonly number[];
  const entries = kernel.reduce((product, length) => product * length, 1);
  const flat = write.reshape(weight, [groups, out! / groups, inner!, entries]);
  const turned = write.reshape(write.transpose(flat, [0, 2, 1, 3]), [-1, entries]);
  return write.reshape(reverseColumns(write, turned, entries), [groups * inner!, out! / groups, ...kernel]);
}

/** The columns of a matrix in reversed order: over the entries of a kernel that reverses every axis of it. */
function reverseColumns(write: OpWriter, matrix: ValueInfo, length: number): ValueInfo {
  if (length === 1) {
    return matrix;
  }
  if (length > smallKernel || matrix.type !== "float32") {
    return write.emit("Slice", [matrix, ...[[-1], [-length - 1], [1], [-1]].map((list) => write.integers(list))])[0]!;
  }
  const data = new Float32Array(length * length);
  for (let i = 0; i < length; i++) {
    data[i * length + length - 1 - i] = 1;
  }
  return write.matMul(matrix, write.constant({ type: "float32", shape: [length, length], data }, "reversal"));
}

/** Up to so many channels one product is faster: 1.7 times at 3, 1.2 times at 4, as fast at 6, slower from 8 on. */
const fewChannels = 6;

/**
 * Whether the rows of the matrix product, as long as batch times windows, get a line of zero windows: where their length is a
 * multiple of 4 kB the rows of a block share a few places of the processor's first cache, and the product takes up to a
 * third longer.
 */
function needsOddRows(windows: readonly Window[], cotangent: ValueInfo): boolean {
  const counts = staticShape(cotangent.shape.slice(2));
  const size = windows.reduce((product, { kernel }) => product * kernel, 1);
  return counts !== undefined && counts[0]! >= 8 && size > 1 && counts.reduce((a, b) => a * b, 1) % 256 === 0;
}

/**
 * What a convolution passes back to its weight:  dw[o, c, k] = sum_{n, p} dy[n, o, p] x[n, c, p s + k d - before],
 * one matrix product an entry of the kernel, over channel-last slices so that each is read in whole rows; or one product over
 * all slices where the channels are so few that a product each would waste the runtime's blocks.
 * @param signal x, [batch, in, length...]
 * @param cotangent dy, [batch, out, count...]
 * @param like the weight, [out, in / groups, kernel...]
 */
export function weightGradient(
  { write, windows, groups }: Convolution,
  { signal, cotangent, like }: { signal: ValueInfo; cotangent: ValueInfo; like: ValueInfo },
): ValueInfo {
  const spatial = windows.map((_, axis) => axis + 2);
  const [out, inner] = like.shape as readonly number[];
  const extra = windows.map((_, axis) => (axis === 0 && needsOddRows(windows, cotangent) ? 1 : 0));
  const pads = windows.map((window, axis) => {
    const [before, after] = padsOf(window);
    return [before, after + extra[axis]! * window.stride] as const;
  });
  const padded = write.pad(signal, [0, 0, ...pads.map(([before]) => before), 0, 0, ...pads.map(([, after]) => after)]);
  const extended = write.pad(cotangent, [...cotangent.shape.map(() => 0), 0, 0, ...extra]);
  const channelFirst = write.transpose(extended, [1, 0, ...spatial]);
  const rows = write.reshape(channelFirst, groups === 1 ? [out!, -1] : [groups, out! / groups, -1]);
  if (groups === 1 && inner! <= fewChannels) {
    const patches = patchesOf(write, windows, padded, 2).map((patch) => write.unsqueeze(patch, [1]));
    const stacked = write.transpose(write.concat(patches, 1), [2, 1, 0, ...spatial.map((axis) => axis + 1)]);
    const columns = write.reshape(stacked, [inner! * patches.length, -1]);
    return write.reshape(write.gemm(rows, columns, { transB: true }), like.shape as number[]);
  }
  const channelLast = write.transpose(padded, [0, ...spatial, 1]);
  const products = patchesOf(write, windows, channelLast, 1).map((patch) => {
    if (groups === 1) {
      return write.matMul(rows, write.reshape(patch, [-1, inner!]));
    }
    const grouped = write.transpose(write.reshape(patch, [-1, groups, inner!]), [1, 0, 2]);
    return write.reshape(write.matMul(rows, grouped), [out!, inner!]);
  });
  const columns = products.map((product) => write.unsqueeze(product, [2]));
  return write.reshape(write.concat(columns, 2), like.shape as number[]);
}

/** What each entry of the kernel sees of a padded signal whose spatial axes begin at `first`: one slice an entry. */
function patchesOf(write: OpWriter, windows: readonly Window[], padded: ValueInfo, first: number): ValueInfo[] {
  const axes = windows.map((_, axis) => axis + first);
  const steps = windows.map(({ stride }) => stride);
  return offsets(windows).map((offset) => {
    const starts = offset.map((k, axis) => k * windows[axis]!.dilation);
    // Counted from the end, so that the length need not be known.
    const ends = offset.map((k, axis) => {
      const beyond = (windows[axis]!.kernel - 1 - k) * windows[axis]!.dilation;
      return beyond === 0 ? Number.MAX_SAFE_INTEGER : -beyond;
    });
    const whole = steps.every((step) => step === 1) && starts.every((start, axis) => start === 0 && ends[axis]! > 0);
    return whole
      ? padded
      : write.emit("Slice", [padded, ...[starts, ends, axes, steps].map((list) => write.integers(list))])[0]!;
  });
}

/** Every position in a kernel, the last axis fastest. */
function offsets(windows: readonly Window[]): number[][] {
  return windows.reduce<number[][]>(
    (all, { kernel }) => all.flatMap((head) => Array.from({ length: kernel }, (_, k) => [...head, k])),
    [[]],
  );
}
