import { attribute, type Dimension, intAttribute, type ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape } from "./dimensions.js";
import { axisOf, inputType, requireSameType, requireType } from "./inference.js";
import { gradientOfScatter } from "./scatter-reductions.js";

function axisAttribute(node: Differentiation, rank: number): number {
  const axis = intAttribute(node.attributes, "axis", 0);
  return axis < 0 ? axis + rank : axis;
}

/** Adds `updates` into zeros of the shape of `like`, at `indices` along an axis. */
function scatterAdd(
  node: Differentiation,
  like: ValueInfo,
  indices: ValueInfo,
  updates: ValueInfo,
  axis: number,
): ValueInfo {
  const attributes = { axis: attribute.int(axis), reduction: attribute.string("add") };
  return node.write.emit("ScatterElements", [node.write.zerosLike(like), indices, updates], { attributes })[0]!;
}

// y = x[..., i, ...]:  dx = dy added into zeros at the rows i (rows taken twice get both parts)
function gradientOfGather(node: Differentiation): ValueInfo | undefined {
  const { write } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const [x, indices] = [node.input(0), node.input(1)];
  const axis = axisAttribute(node, x.shape.length);
  const flat = write.reshape(indices, [-1]);
  // dy as a tensor of x's rank: its axes axis .. axis + rank(indices) - 1 become one.
  const rows =
    indices.shape.length === 1
      ? gradient
      : write.reshape(
          gradient,
          write.concat(
            [
              ...(axis > 0 ? [write.slice(write.shapeOf(x), { starts: [0], ends: [axis], axes: [0] })] : []),
              write.shapeOf(flat),
              ...(axis + 1 < x.shape.length
                ? [write.slice(write.shapeOf(x), { starts: [axis + 1], ends: [x.shape.length], axes: [0] })]
                : []),
            ],
            0,
          ),
        );
  const column = write.unsqueeze(
    flat,
    x.shape.flatMap((_, at) => (at === axis ? [] : [at])),
  );
  return scatterAdd(node, x, write.expandTo(column, rows), rows, axis);
}

function inferScatter(node: Application) {
  const type = requireSameType(node, [0, 2]);
  requireType(node, 1, ["int64", "int32"]);
  const { shape } = inputType(node, 0);
  axisOf(node, shape.length, 0);
  const [indices, updates] = [inputType(node, 1).shape, inputType(node, 2).shape];
  if (indices.length !== shape.length || updates.length !== shape.length) {
    node.fail(
      `needs indices and updates of the rank of ${printShape(shape)}, gets ${printShape(indices)} and ${printShape(updates)}`,
    );
  }
  return [{ type, shape }];
}

/** Operators that read or write at whole-number positions. */
export const indexingOps = {
  Gather: {
    arity: [2, 2],
    attributes: ["axis"],
    infer: (node) => {
      const { type, shape } = inputType(node, 0);
      requireType(node, 1, ["int64", "int32"]);
      const axis = axisOf(node, shape.length, 0);
      return [{ type, shape: [...shape.slice(0, axis), ...inputType(node, 1).shape, ...shape.slice(axis + 1)] }];
    },
    evaluate: (node) => {
      const [value, indices] = node.values;
      if (value?.shape.length !== 1 || !indices) {
        return undefined;
      }
      const entries = indices.entries.map((index): Dimension | undefined =>
        typeof index === "number" ? value.entries[index < 0 ? index + value.entries.length : index] : undefined,
      );
      return { shape: indices.shape, entries };
    },
    discreteInputs: [1],
    gradient: gradientOfGather,
  },
  GatherElements: {
    arity: [2, 2],
    attributes: ["axis"],
    infer: (node) => {
      requireType(node, 1, ["int64", "int32"]);
      const { type, shape } = inputType(node, 0);
      axisOf(node, shape.length, 0);
      return [{ type, shape: inputType(node, 1).shape }];
    },
    discreteInputs: [1],
    // y_j = x at index i_j along the axis:  dx = dy added into zeros at i
    gradient: (node) => {
      const gradient = node.cotangent(0);
      const x = node.input(0);
      return gradient && scatterAdd(node, x, node.input(1), gradient, axisAttribute(node, x.shape.length));
    },
  },
  ScatterElements: {
    arity: [3, 3],
    attributes: ["axis", "reduction"],
    infer: inferScatter,
    discreteInputs: [1],
    gradient: (node, input) => {
      const { write } = node;
      const axis = attribute.int(axisAttribute(node, node.input(0).shape.length));
      return gradientOfScatter(node, input, {
        gather: (value) => write.emit("GatherElements", [value, node.input(1)], { attributes: { axis } })[0]!,
        scatter: (base, updates, reduction) =>
          write.emit("ScatterElements", [base, node.input(1), updates], {
            attributes: reduction === "none" ? { axis } : { axis, reduction: attribute.string(reduction) },
          })[0]!,
      });
    },
  },
} satisfies Record<string, OpDefinition>;
