import { type Dimension, intAttribute, tensorAttribute } from "../ir/index.js";
import type { Application, OpDefinition } from "./definition.js";
import { productOf } from "./dimensions.js";
import { inputType, requireType } from "./inference.js";

/** The axes that a Shape node reports. */
function shapeRange(node: Application): readonly Dimension[] {
  const { shape } = inputType(node, 0);
  const bound = (value: number): number =>
    Math.min(Math.max(value < 0 ? value + shape.length : value, 0), shape.length);
  const start = bound(intAttribute(node.attributes, "start", 0));
  return shape.slice(start, Math.max(start, bound(intAttribute(node.attributes, "end", shape.length))));
}

/** Shapes as values, and tensors made from shapes. None has a derivative. */
export const shapeOps = {
  Shape: {
    arity: [1, 1],
    attributes: ["start", "end"],
    infer: (node) => [{ type: "int64", shape: [shapeRange(node).length] }],
    evaluate: (node) => {
      const entries = shapeRange(node);
      return { shape: [entries.length], entries };
    },
    gradient: "none",
  },
  Size: {
    arity: [1, 1],
    attributes: [],
    infer: () => [{ type: "int64", shape: [] }],
    evaluate: (node) => ({ shape: [], entries: [productOf(inputType(node, 0).shape)] }),
    gradient: "none",
  },
  ConstantOfShape: {
    arity: [1, 1],
    attributes: ["value"],
    infer: (node) => {
      requireType(node, 0, ["int64"]);
      const rank = inputType(node, 0).shape[0];
      if (typeof rank !== "number") {
        return node.fail("needs a shape of known rank");
      }
      const entries = node.values[0]?.entries;
      const shape = Array.from({ length: rank }, (_, axis) => entries?.[axis] ?? node.fresh(axis));
      return [{ type: tensorAttribute(node.attributes, "value")?.type ?? "float32", shape }];
    },
    evaluate: (node) => {
      const value = tensorAttribute(node.attributes, "value");
      const length = node.values[0]?.entries;
      if (value?.type !== "int64" || length?.length !== 1 || typeof length[0] !== "number" || length[0] > 64) {
        return undefined;
      }
      return { shape: [length[0]], entries: new Array<number>(length[0]).fill(Number(value.data[0])) };
    },
    discreteInputs: [0],
    gradient: "none",
  },
  NonZero: {
    arity: [1, 1],
    attributes: [],
    infer: (node) => [{ type: "int64", shape: [Math.max(inputType(node, 0).shape.length, 1), node.fresh(1)] }],
    gradient: "none",
  },
} satisfies Record<string, OpDefinition>;
