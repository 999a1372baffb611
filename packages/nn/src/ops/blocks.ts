import { attribute, type Dimension, intAttribute, stringAttribute, type ValueInfo } from "../ir/index.js";
import { declareShape } from "./convolution-gradients.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape, productOf, quotientOf } from "./dimensions.js";
import { inputType, requireType } from "./inference.js";

// y = x repeated r times along each axis:  dx = sum of dy over the repetitions
function gradientOfTile(node: Differentiation): ValueInfo | undefined {
  const { write } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const [x, repeats] = [node.input(0), node.input(1)];
  const rank = x.shape.length;
  if (rank === 0) {
    return gradient;
  }
  // [r_0 d_0, r_1 d_1, ...] as [r_0, d_0, r_1, d_1, ...]
  const order = x.shape.flatMap((_, axis) => [axis, rank + axis]);
  const lengths = write.gather(write.concat([repeats, write.shapeOf(x)], 0), write.integers(order), 0);
  const summed = write.reduceSum(write.reshape(gradient, lengths), { axes: x.shape.map((_, axis) => 2 * axis) });
  return declareShape(write, summed, x);
}

interface Blocks {
  readonly batch: Dimension;
  readonly channels: Dimension;
  readonly height: Dimension;
  readonly width: Dimension;
  readonly size: number;
}

function blocksOf(node: Application): Blocks {
  const { shape } = inputType(node, 0);
  const size = intAttribute(node.attributes, "blocksize", 0);
  if (shape.length !== 4 || size < 1) {
    node.fail(`needs four axes and a blocksize, and gets the shape ${printShape(shape)} and ${size}`);
  }
  const [batch, channels, height, width] = shape as [Dimension, Dimension, Dimension, Dimension];
  return { batch, channels, height, width, size };
}

function divided(node: Application, length: Dimension, by: number, axis: number): Dimension {
  const quotient = quotientOf(length, by);
  return (
    quotient ??
    (typeof length === "number" ? node.fail(`cannot divide the axis of ${length} by ${by}`) : node.fresh(axis))
  );
}

/** [N, C b b, H, W] with channels in the order c, i, j from [N, C, H b, W b]: undoes DepthToSpace in its mode CRD. */
function gatherBlocks(node: Differentiation, gradient: ValueInfo): ValueInfo {
  const { write } = node;
  const x = node.input(0);
  const size = intAttribute(node.attributes, "blocksize", 0);
  const inner = write.slice(write.shapeOf(gradient), { starts: [1], ends: [2], axes: [0] });
  const sizes = write.concat([write.shapeOf(x), inner, write.integers([size])], 0);
  const cut = write.reshape(gradient, write.gather(sizes, write.integers([0, 4, 2, 5, 3, 5]), 0));
  return write.reshape(write.transpose(cut, [0, 1, 3, 5, 2, 4]), write.shapeOf(x));
}

/** Operators that repeat a tensor or move blocks between channels and space. */
export const blockOps = {
  Tile: {
    arity: [2, 2],
    attributes: [],
    infer: (node) => {
      const { type, shape } = inputType(node, 0);
      requireType(node, 1, ["int64"]);
      const count = inputType(node, 1).shape[0];
      if (typeof count === "number" && count !== shape.length) {
        node.fail(`needs ${shape.length} repetitions and gets ${count}`);
      }
      const repeats = node.values[1]?.entries;
      const tiled = shape.map((length, axis) => {
        const times = repeats?.[axis];
        return times === undefined || Number(times) < 0 ? node.fresh(axis) : productOf([length, times]);
      });
      return [{ type, shape: tiled }];
    },
    discreteInputs: [1],
    gradient: gradientOfTile,
  },
  DepthToSpace: {
    arity: [1, 1],
    attributes: ["blocksize", "mode"],
    infer: (node) => {
      const { batch, channels, height, width, size } = blocksOf(node);
      const shape = [
        batch,
        divided(node, channels, size * size, 1),
        productOf([height, size]),
        productOf([width, size]),
      ];
      return [{ type: inputType(node, 0).type, shape }];
    },
    // y = x with channels moved to blocks:  dx = dy with blocks moved to channels
    gradient: (node) => {
      const gradient = node.cotangent(0);
      if (!gradient || stringAttribute(node.attributes, "mode", "DCR") === "CRD") {
        return gradient && gatherBlocks(node, gradient);
      }
      const attributes = { blocksize: attribute.int(intAttribute(node.attributes, "blocksize", 0)) };
      const moved = node.write.emit("SpaceToDepth", [gradient], { attributes })[0]!;
      return declareShape(node.write, moved, node.input(0));
    },
  },
  SpaceToDepth: {
    arity: [1, 1],
    attributes: ["blocksize"],
    infer: (node) => {
      const { batch, channels, height, width, size } = blocksOf(node);
      const shape = [
        batch,
        productOf([channels, size * size]),
        divided(node, height, size, 2),
        divided(node, width, size, 3),
      ];
      return [{ type: inputType(node, 0).type, shape }];
    },
    // y = x with blocks moved to channels:  dx = dy with channels moved to blocks
    gradient: (node) => {
      const gradient = node.cotangent(0);
      const { write, attributes } = node;
      return gradient && declareShape(write, write.emit("DepthToSpace", [gradient], { attributes })[0]!, node.input(0));
    },
  },
} satisfies Record<string, OpDefinition>;
