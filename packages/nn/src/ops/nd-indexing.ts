import { attribute, type Dimension, intAttribute, type ValueInfo } from "../ir/index.js";
import type { Application, OpDefinition } from "./definition.js";
import { printShape } from "./dimensions.js";
import { inputType, requireSameType, requireType } from "./inference.js";
import type { OpWriter } from "./op-writer.js";
import { gradientOfScatter } from "./scatter-reductions.js";

/** Number of leading axes of the data that each index vector fixes. */
function indexDepth(node: Application): number {
  const indices = inputType(node, 1).shape;
  const depth = indices[indices.length - 1];
  if (typeof depth !== "number") {
    return node.fail("needs index vectors of known length");
  }
  const { shape } = inputType(node, 0);
  return depth > shape.length
    ? node.fail(`has indices of ${depth} entries into the shape ${printShape(shape)}`)
    : depth;
}

/** Indices that also say where in the leading `batch` axes they are, which the given ones leave to their place. */
function withBatchIndices(write: OpWriter, indices: ValueInfo, batch: number): ValueInfo {
  const rank = indices.shape.length;
  if (batch === 0) {
    return indices;
  }
  const shape = write.shapeOf(indices);
  const column = write.concat(
    [write.slice(shape, { starts: [0], ends: [rank - 1], axes: [0] }), write.integers([1])],
    0,
  );
  const places = Array.from({ length: batch }, (_, axis) => {
    const length = write.squeeze(write.slice(shape, { starts: [axis], ends: [axis + 1], axes: [0] }), [0]);
    const places = write.emit("Range", [write.scalar(0, "int64"), length, write.scalar(1, "int64")])[0]!;
    const others = indices.shape.flatMap((_, at) => (at === axis ? [] : [at]));
    return write.expand(write.unsqueeze(places, others), column);
  });
  return write.concat([...places, indices], rank - 1);
}

/** Operators that read or write whole blocks at vectors of indices. */
export const ndIndexingOps = {
  GatherND: {
    arity: [2, 2],
    attributes: ["batch_dims"],
    infer: (node) => {
      requireType(node, 1, ["int64"]);
      const { type, shape } = inputType(node, 0);
      const batch = intAttribute(node.attributes, "batch_dims", 0);
      const depth = indexDepth(node);
      const indices = inputType(node, 1).shape;
      if (batch < 0 || batch >= indices.length || batch + depth > shape.length) {
        node.fail(`has ${batch} batch axes for the shapes ${printShape(shape)} and ${printShape(indices)}`);
      }
      const result: Dimension[] = [...indices.slice(0, -1), ...shape.slice(batch + depth)];
      return [{ type, shape: result }];
    },
    discreteInputs: [1],
    // y_j = x at i_j:  dx = dy added into zeros at i
    gradient: (node) => {
      const { write } = node;
      const gradient = node.cotangent(0);
      const indices = withBatchIndices(write, node.input(1), intAttribute(node.attributes, "batch_dims", 0));
      const attributes = { reduction: attribute.string("add") };
      return (
        gradient && write.emit("ScatterND", [write.zerosLike(node.input(0)), indices, gradient], { attributes })[0]
      );
    },
  },
  ScatterND: {
    arity: [3, 3],
    attributes: ["reduction"],
    infer: (node) => {
      const type = requireSameType(node, [0, 2]);
      requireType(node, 1, ["int64"]);
      const { shape } = inputType(node, 0);
      const rank = inputType(node, 1).shape.length - 1 + shape.length - indexDepth(node);
      const updates = inputType(node, 2).shape;
      if (updates.length !== rank) {
        node.fail(`needs updates of rank ${rank} and gets the shape ${printShape(updates)}`);
      }
      return [{ type, shape }];
    },
    discreteInputs: [1],
    gradient: (node, input) => {
      const { write } = node;
      return gradientOfScatter(node, input, {
        gather: (value) => write.emit("GatherND", [value, node.input(1)])[0]!,
        scatter: (base, updates, reduction) =>
          write.emit("ScatterND", [base, node.input(1), updates], {
            attributes: reduction === "none" ? {} : { reduction: attribute.string(reduction) },
          })[0]!,
      });
    },
  },
} satisfies Record<string, OpDefinition>;
