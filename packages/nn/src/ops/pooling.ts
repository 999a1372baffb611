import { attribute, type Dimension, intAttribute, type ValueInfo } from "../ir/index.js";
import { gradientOfAveragePool } from "./average-pooling.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape, staticShape } from "./dimensions.js";
import { requireFloat } from "./inference.js";
import { windowCount, windowsOf } from "./windows.js";

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
    limits: "automatic padding whose length only the run decides",
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
    limits: "storage_order = 1",
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
