import { attribute, type Dimension, intAttribute, type ValueInfo } from "../ir/index.js";
import { declareShape, inputGradient } from "./convolution-gradients.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape, staticShape } from "./dimensions.js";
import { requireFloat } from "./inference.js";
import type { OpWriter } from "./op-writer.js";
import { type Window, windowAttributes, windowCount, windowsOf } from "./windows.js";

function pooledShape(node: Application): readonly Dimension[] {
  const { shape } = requireFloat(node);
  const { attributes, fail } = node;
  if (shape.length < 3) {
    fail(`needs spatial axes and gets the shape ${printShape(shape)}`);
  }
  const windows = windowsOf({ attributes, lengths: shape.slice(2), fail });
  const roundUp = intAttribute(attributes, "ceil_mode", 0) !== 0;
  return shape.map((length, axis) => {
    const count = axis < 2 ? length : windows && windowCount(length, windows[axis - 2]!, roundUp);
    return typeof count === "number" && count < 1 && axis >= 2
      ? fail(`has a window longer than the axis ${axis} of ${printShape(shape)}`)
      : (count ?? node.fresh(axis));
  });
}

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

/** The share of each average that is not padding, where padding is not counted. */
function shareInside(node: Differentiation, windows: readonly Window[]): ValueInfo | undefined {
  const { write } = node;
  const padded = windows.some(({ pads }) => pads![0] + pads![1] > 0);
  if (!padded || intAttribute(node.attributes, "count_include_pad", 0) !== 0) {
    return undefined;
  }
  const x = node.input(0);
  const lengths = write.slice(write.shapeOf(x), { starts: [2], ends: [x.shape.length], axes: [0] });
  const ones = write.expand(write.scalar(1, x.type), write.concat([write.integers([1, 1]), lengths], 0));
  return average(write, ones, windows);
}

function average(write: OpWriter, x: ValueInfo, windows: readonly Window[]): ValueInfo {
  const { dilations: _, ...attributes } = windowAttributes(windows);
  return write.emit("AveragePool", [x], { attributes: { ...attributes, count_include_pad: attribute.int(1) } })[0]!;
}

// y_p = mean of x over the window at p:  dx_q = sum of dy_p / (entries of the window at p) over the windows that hold q
function gradientOfAveragePool(node: Differentiation): ValueInfo | undefined {
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
  if (intAttribute(attributes, "ceil_mode", 0) !== 0) {
    const exact = lengths.every(
      (length, axis) => windowCount(length, windows[axis]!, true) === windowCount(length, windows[axis]!),
    );
    if (!exact || !staticShape(lengths)) {
      return refuse("its last window reaches over the end (ceil_mode = 1)");
    }
  }
  const share = shareInside(node, windows);
  const cotangent = share ? write.div(gradient, share) : gradient;
  const size = windows.reduce((product, { kernel }) => product * kernel, 1);
  const tiled = windows.every(
    ({ kernel, stride, pads }, axis) =>
      kernel === stride && pads![0] + pads![1] === 0 && gradient.shape[axis + 2] === quotient(lengths[axis]!, stride),
  );
  if (tiled) {
    const scales = [1, 1, ...windows.map(({ stride }) => stride)];
    return declareShape(write, repeatEntries(write, write.mul(cotangent, 1 / size), scales), x);
  }
  const kernel = write.expand(write.scalar(1 / size, x.type), [1, 1, ...windows.map((window) => window.kernel)]);
  const spread = inputGradient(
    { write, windows, groups: 1 },
    { cotangent: oneChannel(write, cotangent), weight: kernel, like: oneChannel(write, x) },
  );
  return declareShape(write, spread, x);
}

const quotient = (length: Dimension, stride: number): number | undefined =>
  typeof length === "number" && length % stride === 0 ? length / stride : undefined;

/** Every entry repeated a whole number of times along each axis. */
export function repeatEntries(write: OpWriter, x: ValueInfo, times: readonly number[]): ValueInfo {
  return write.emit("Resize", [x, undefined, write.constant(floatVector(times))], {
    attributes: {
      mode: attribute.string("nearest"),
      nearest_mode: attribute.string("floor"),
      coordinate_transformation_mode: attribute.string("asymmetric"),
    },
  })[0]!;
}

/** Sums over blocks of entries, the adjoint of `repeatEntries`. */
export function sumBlocks(write: OpWriter, x: ValueInfo, blocks: readonly number[]): ValueInfo {
  const windows = blocks.map((kernel): Window => ({ kernel, stride: kernel, dilation: 1, pads: [0, 0] }));
  return write.mul(
    average(write, x, windows),
    blocks.reduce((product, kernel) => product * kernel, 1),
  );
}

const floatVector = (values: readonly number[]) =>
  ({ type: "float32", shape: [values.length], data: Float32Array.from(values) }) as const;

// y_p = max of x over the window at p, found at i_p:  dx = dy added into zeros at i.  Subgradient at ties: all to the first.
function gradientOfMaxPool(node: Differentiation): ValueInfo | undefined {
  const { write } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  if (intAttribute(node.attributes, "storage_order", 0) !== 0) {
    return node.refuse("its indices are column by column (storage_order = 1)");
  }
  const x = node.input(0);
  const [indices, flat] = [node.output(1), write.reshape(gradient, [-1])];
  const zeros = write.expand(write.scalar(0, x.type), write.reshape(write.sizeOf(x), [1]));
  const added = write.emit("ScatterElements", [zeros, write.reshape(indices, [-1]), flat], {
    attributes: { axis: attribute.int(0), reduction: attribute.string("add") },
  })[0]!;
  return write.reshape(added, write.shapeOf(x));
}

const windowNames = ["auto_pad", "ceil_mode", "kernel_shape", "pads", "strides"];

/** Pooling over spatial axes. */
export const poolingOps = {
  AveragePool: {
    arity: [1, 1],
    attributes: [...windowNames, "count_include_pad"],
    infer: (node) => [{ type: requireFloat(node).type, shape: pooledShape(node) }],
    gradient: gradientOfAveragePool,
  },
  MaxPool: {
    arity: [1, 1],
    attributes: [...windowNames, "dilations", "storage_order"],
    infer: (node) => {
      const shape = pooledShape(node);
      return [
        { type: requireFloat(node).type, shape },
        { type: "int64", shape },
      ];
    },
    gradient: gradientOfMaxPool,
  },
  GlobalAveragePool: {
    arity: [1, 1],
    attributes: [],
    infer: (node) => {
      const { type, shape } = requireFloat(node);
      if (shape.length < 3) {
        node.fail(`needs spatial axes and gets the shape ${printShape(shape)}`);
      }
      return [{ type, shape: shape.map((length, axis) => (axis < 2 ? length : 1)) }];
    },
    // y = mean of x over the spatial axes:  dx = dy / (their size), repeated
    gradient: (node) => {
      const { write } = node;
      const gradient = node.cotangent(0);
      if (!gradient) {
        return undefined;
      }
      const x = node.input(0);
      const lengths = staticShape(x.shape.slice(2));
      const shared = lengths
        ? write.mul(gradient, 1 / lengths.reduce((product, length) => product * length, 1))
        : write.div(gradient, write.cast(write.div(write.sizeOf(x), write.sizeOf(gradient)), x.type));
      return write.expandTo(shared, x);
    },
  },
} satisfies Record<string, OpDefinition>;
