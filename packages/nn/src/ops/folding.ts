import type { Dimension, ValueInfo } from "../ir/index.js";
import { declareShape } from "./convolution-gradients.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape, quotientOf } from "./dimensions.js";
import { requireFloat } from "./inference.js";
import { knownNumbers } from "./partial-values.js";
import { spanOf, type Window, windowsOf } from "./windows.js";

function infer(node: Application) {
  const { type, shape } = requireFloat(node);
  const block = knownNumbers(node.values[2]);
  const image = node.values[1]?.entries;
  if (shape.length !== 3 || !block || !image) {
    return node.fail(`needs three axes and blocks of known size, and gets the shape ${printShape(shape)}`);
  }
  const size = block.reduce((product, length) => product * length, 1);
  const channels = quotientOf(shape[1]!, size);
  if (channels === undefined && typeof shape[1] === "number") {
    node.fail(`cannot cut ${shape[1]} rows into blocks of ${size}`);
  }
  const lengths = image.map((length, axis): Dimension => length ?? node.fresh(axis + 2));
  return [{ type, shape: [shape[0]!, channels ?? node.fresh(1), ...lengths] }];
}

// y = the blocks x[n, (c, k), p] added up at the places p s + k d - before of an image:
//   dx[n, (c, k), p] = dy[n, c, p s + k d - before], the same blocks cut out again
function gradientOfFold(node: Differentiation): ValueInfo | undefined {
  const { write, attributes, refuse } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const x = node.input(0);
  const block = write.integersOf(node.input(2))!;
  const lengths = gradient.shape.slice(2);
  const windows = windowsOf({ attributes, lengths, kernel: block, fail: refuse })!;
  const pads = windows.map((window) => window.pads!);
  const padded = write.pad(gradient, [
    0,
    0,
    ...pads.map(([before]) => before),
    0,
    0,
    ...pads.map(([, after]) => after),
  ]);
  const axes = windows.map((_, axis) => axis + 2);
  const cuts = offsetsOf(windows).map((offset) => {
    const starts = offset.map((k, axis) => k * windows[axis]!.dilation);
    // Counted from the end, so that the length need not be known.
    const ends = offset.map((k, axis) => {
      const beyond = spanOf(windows[axis]!) - 1 - k * windows[axis]!.dilation;
      return beyond === 0 ? Number.MAX_SAFE_INTEGER : -beyond;
    });
    const lists = [starts, ends, axes, windows.map(({ stride }) => stride)].map((list) => write.integers(list));
    const cut = write.emit("Slice", [padded, ...lists])[0]!;
    return write.unsqueeze(write.reshape(cut, [0, 0, -1]), [2]);
  });
  return declareShape(write, write.reshape(write.concat(cuts, 2), write.shapeOf(x)), x);
}

/** Every position in a block, the last axis fastest. */
function offsetsOf(windows: readonly Window[]): number[][] {
  return windows.reduce<number[][]>(
    (all, { kernel }) => all.flatMap((head) => Array.from({ length: kernel }, (_, k) => [...head, k])),
    [[]],
  );
}

/** Adding blocks up to an image. */
export const foldingOps = {
  Col2Im: {
    arity: [3, 3],
    attributes: ["dilations", "pads", "strides"],
    infer,
    discreteInputs: [1, 2],
    gradient: gradientOfFold,
  },
} satisfies Record<string, OpDefinition>;
