import { type Dimension, intAttribute, intsAttribute, type ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { broadcastShapes, printShape, productOf, quotientOf } from "./dimensions.js";
import { inputType, requireType } from "./inference.js";
import { axesFrom } from "./partial-values.js";
import { unbroadcast } from "./unbroadcast.js";

/** y has the entries of x in the same order:  dx = dy in the shape of x */
const sameEntries = (node: Differentiation): ValueInfo | undefined => {
  const gradient = node.cotangent(0);
  return gradient && node.write.reshapeLike(gradient, node.input(0));
};

function inferReshape(node: Application) {
  const { type, shape } = inputType(node, 0);
  requireType(node, 1, ["int64"]);
  const rank = inputType(node, 1).shape[0];
  if (typeof rank !== "number") {
    return node.fail("needs a target shape of known rank");
  }
  const allowZero = intAttribute(node.attributes, "allowzero", 0) !== 0;
  const given = Array.from({ length: rank }, (_, axis) => node.values[1]?.entries[axis]);
  const target = given.map((entry, axis): Dimension | undefined =>
    entry === 0 && !allowZero
      ? (shape[axis] ?? node.fail(`copies the axis ${axis}, which ${printShape(shape)} lacks`))
      : entry,
  );
  const free = target.indexOf(-1);
  if (free >= 0) {
    if (target.indexOf(-1, free + 1) >= 0) {
      node.fail(`has more than one -1 in the target shape [${given.join(", ")}]`);
    }
    const others = target.filter((_, axis) => axis !== free);
    const rest = others.every((entry) => entry !== undefined)
      ? quotientOf(productOf(shape), productOf(others as Dimension[]))
      : undefined;
    const allNumbers = [...shape, ...others].every((entry) => typeof entry === "number");
    if (rest === undefined && allNumbers) {
      node.fail(`cannot reshape ${printShape(shape)} to [${given.join(", ")}]`);
    }
    target[free] = rest ?? node.fresh(free);
  }
  const result = target.map((entry, axis) => entry ?? node.fresh(axis));
  const [before, after] = [productOf(shape), productOf(result)];
  if (typeof before === "number" && typeof after === "number" && before !== after) {
    node.fail(`cannot reshape ${printShape(shape)} to [${given.join(", ")}]`);
  }
  return [{ type, shape: result }];
}

function permutation(node: Pick<Application, "attributes">, rank: number): number[] {
  return [...(intsAttribute(node.attributes, "perm") ?? Array.from({ length: rank }, (_, i) => rank - 1 - i))];
}

/** Operators that move entries without computing. */
export const rearrangingOps = {
  Reshape: {
    arity: [2, 2],
    attributes: ["allowzero"],
    infer: inferReshape,
    evaluate: (node) => {
      const value = node.values[0];
      const rank = inputType(node, 1).shape[0];
      return value && (rank === 0 || rank === 1)
        ? { shape: rank === 0 ? [] : [value.entries.length], entries: value.entries }
        : undefined;
    },
    discreteInputs: [1],
    gradient: sameEntries,
  },
  Flatten: {
    arity: [1, 1],
    attributes: ["axis"],
    infer: (node) => {
      const { type, shape } = inputType(node, 0);
      const axis = intAttribute(node.attributes, "axis", 1);
      const at = axis < 0 ? axis + shape.length : axis;
      if (at < 0 || at > shape.length) {
        node.fail(`has the axis ${axis} outside the shape ${printShape(shape)}`);
      }
      return [{ type, shape: [productOf(shape.slice(0, at)), productOf(shape.slice(at))] }];
    },
    gradient: sameEntries,
  },
  Unsqueeze: {
    arity: [2, 2],
    attributes: [],
    infer: (node) => {
      const { type, shape } = inputType(node, 0);
      const count = inputType(node, 1).shape[0] ?? 1;
      if (typeof count !== "number") {
        return node.fail("needs a known number of axes");
      }
      const rank = shape.length + count;
      const axes = axesFrom(node, 1, rank);
      if (!axes) {
        return node.fail("needs axes that are known before running");
      }
      const rest = [...shape];
      return [{ type, shape: Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!)) }];
    },
    evaluate: (node) => {
      const value = node.values[0];
      return value && value.shape.length === 0 ? { shape: [1], entries: value.entries } : undefined;
    },
    discreteInputs: [1],
    gradient: sameEntries,
  },
  Squeeze: {
    arity: [1, 2],
    attributes: [],
    infer: (node) => {
      const { type, shape } = inputType(node, 0);
      const axes = node.inputs[1]
        ? axesFrom(node, 1, shape.length)
        : shape.flatMap((length, axis) => (length === 1 ? [axis] : []));
      if (!axes || (!node.inputs[1] && shape.some((length) => typeof length === "string"))) {
        return node.fail("needs axes that are known before running");
      }
      for (const axis of axes) {
        if (typeof shape[axis] === "number" && shape[axis] !== 1) {
          node.fail(`cannot remove the axis ${axis} of the shape ${printShape(shape)}`);
        }
      }
      return [{ type, shape: shape.filter((_, axis) => !axes.includes(axis)) }];
    },
    evaluate: (node) => {
      const value = node.values[0];
      return value && value.entries.length === 1 ? { shape: [], entries: value.entries } : undefined;
    },
    discreteInputs: [1],
    gradient: sameEntries,
  },
  Transpose: {
    arity: [1, 1],
    attributes: ["perm"],
    infer: (node) => {
      const { type, shape } = inputType(node, 0);
      const order = permutation(node, shape.length);
      if ([...order].sort((a, b) => a - b).some((axis, i) => axis !== i) || order.length !== shape.length) {
        node.fail(`has the permutation [${order.join(", ")}], which does not fit the shape ${printShape(shape)}`);
      }
      return [{ type, shape: order.map((axis) => shape[axis]!) }];
    },
    // y = x with axes permuted by p:  dx = dy with axes permuted by the inverse of p
    gradient: (node) => {
      const gradient = node.cotangent(0);
      const order = permutation(node, node.input(0).shape.length);
      return (
        gradient &&
        node.write.transpose(
          gradient,
          order.map((_, axis) => order.indexOf(axis)),
        )
      );
    },
  },
  Trilu: {
    arity: [1, 2],
    attributes: ["upper"],
    infer: (node) => [inputType(node, 0)],
    discreteInputs: [1],
    // y = the upper or lower triangle of x:  dx = the same triangle of dy
    gradient: (node) => {
      const gradient = node.cotangent(0);
      return gradient && node.write.emit("Trilu", [gradient, node.inputs[1]], { attributes: node.attributes })[0];
    },
  },
  Expand: {
    arity: [2, 2],
    attributes: [],
    infer: (node) => {
      const { type, shape } = inputType(node, 0);
      requireType(node, 1, ["int64"]);
      const rank = inputType(node, 1).shape[0];
      if (typeof rank !== "number") {
        return node.fail("needs a target shape of known rank");
      }
      const target = Array.from({ length: rank }, (_, axis) => node.values[1]?.entries[axis] ?? node.fresh(axis));
      const result = broadcastShapes([shape, target]);
      return [{ type, shape: result ?? node.fail(`cannot broadcast ${printShape(shape)} to ${printShape(target)}`) }];
    },
    evaluate: (node) => {
      const length = node.values[1]?.entries;
      const value = node.values[0]?.entries;
      return value?.length === 1 && length?.length === 1 && typeof length[0] === "number" && length[0] <= 64
        ? { shape: [length[0]], entries: new Array<Dimension | undefined>(length[0]).fill(value[0]) }
        : undefined;
    },
    discreteInputs: [1],
    // y = x repeated:  dx = sum of dy over the repeated axes
    gradient: (node) => {
      const gradient = node.cotangent(0);
      return gradient && unbroadcast(node.write, gradient, node.input(0));
    },
  },
} satisfies Record<string, OpDefinition>;
