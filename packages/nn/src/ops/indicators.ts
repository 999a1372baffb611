import { type Dimension, intAttribute, type ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape, resolveAxis } from "./dimensions.js";
import { axisOf, elementTypeOfCode, inputType, requireFloat } from "./inference.js";
import { knownNumbers } from "./partial-values.js";

/** Where the new axis of a OneHot stands. */
function hotAxis(node: Application): number {
  const rank = inputType(node, 0).shape.length + 1;
  const axis = intAttribute(node.attributes, "axis", -1);
  return resolveAxis(axis, rank) ?? node.fail(`has the axis ${axis} outside [${-rank}, ${rank - 1}]`);
}

function inferOneHot(node: Application) {
  const { type, shape: pair } = inputType(node, 2);
  const depth = inputType(node, 1).shape;
  if (pair.length !== 1 || (typeof pair[0] === "number" && pair[0] !== 2) || depth.length > 1) {
    node.fail(
      `needs a depth and the two values [off, on], and gets the shapes ${printShape(depth)} and ${printShape(pair)}`,
    );
  }
  const axis = hotAxis(node);
  const length: Dimension = knownNumbers(node.values[1])?.[0] ?? node.fresh(axis);
  const { shape } = inputType(node, 0);
  return [{ type, shape: [...shape.slice(0, axis), length, ...shape.slice(axis)] }];
}

// y = on where the index is, off elsewhere:  d[off, on] = [sum of dy elsewhere, sum of dy where the index is]
function gradientOfOneHot(node: Differentiation): ValueInfo | undefined {
  const { write, attributes } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const pair = write.constant({ type: "float32", shape: [2], data: Float32Array.of(0, 1) });
  const hot = write.emit("OneHot", [node.input(0), node.input(1), write.cast(pair, gradient.type)], { attributes })[0]!;
  const on = write.reduceSum(write.mul(gradient, hot));
  const off = write.sub(write.reduceSum(gradient), on);
  return write.concat([write.unsqueeze(off, [0]), write.unsqueeze(on, [0])], 0);
}

/** Tensors of zeros and ones. */
export const indicatorOps = {
  OneHot: {
    arity: [3, 3],
    attributes: ["axis"],
    infer: inferOneHot,
    discreteInputs: [0, 1],
    gradient: gradientOfOneHot,
  },
  EyeLike: {
    arity: [1, 1],
    attributes: ["dtype", "k"],
    infer: (node) => {
      const { type, shape } = inputType(node, 0);
      if (shape.length !== 2) {
        node.fail(`needs a matrix and gets the shape ${printShape(shape)}`);
      }
      const code = node.attributes.dtype === undefined ? undefined : intAttribute(node.attributes, "dtype", 0);
      const wanted = code === undefined ? type : elementTypeOfCode(code);
      return [{ type: wanted ?? node.fail(`asks for the element type ${code}, which is not supported`), shape }];
    },
    gradient: "none",
  },
  Hardmax: {
    arity: [1, 1],
    attributes: ["axis"],
    infer: (node) => {
      const type = requireFloat(node);
      axisOf(node, type.shape.length, -1);
      return [type];
    },
    // Constant between the places where another entry becomes the largest.
    gradient: "none",
  },
} satisfies Record<string, OpDefinition>;
