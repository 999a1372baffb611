import { attribute, type Dimension, intAttribute, stringAttribute } from "../ir/index.js";
import type { Application, OpDefinition } from "./definition.js";
import { printShape } from "./dimensions.js";
import { inputType, requireSameType, requireType } from "./inference.js";

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
      const gradient = node.cotangent(0);
      if (intAttribute(node.attributes, "batch_dims", 0) !== 0) {
        return node.refuse("only batch_dims = 0 has a derivative here");
      }
      const attributes = { reduction: attribute.string("add") };
      const { write } = node;
      return (
        gradient &&
        write.emit("ScatterND", [write.zerosLike(node.input(0)), node.input(1), gradient], { attributes })[0]
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
    // y = x with u added at i:     dx = dy,                     du = dy at i
    // y = x with u written at i:   dx = dy with zeros at i,     du = dy at i  (indices must not repeat, as ONNX demands)
    gradient: (node, input) => {
      const { write } = node;
      const gradient = node.cotangent(0);
      const reduction = stringAttribute(node.attributes, "reduction", "none");
      if (reduction !== "none" && reduction !== "add") {
        return node.refuse(`the reduction "${reduction}" has no derivative here; "none" and "add" do`);
      }
      if (!gradient || (input === 0 && reduction === "add")) {
        return gradient;
      }
      return input === 2
        ? write.emit("GatherND", [gradient, node.input(1)])[0]
        : write.emit("ScatterND", [gradient, node.input(1), write.zerosLike(node.input(2))])[0];
    },
  },
} satisfies Record<string, OpDefinition>;
