import { attribute, type Dimension, stringAttribute, type ValueInfo } from "../ir/index.js";
import { declareShape } from "./convolution-gradients.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { inputType } from "./inference.js";
import { axesFrom } from "./partial-values.js";

function inferPad(node: Application) {
  const { type, shape } = inputType(node, 0);
  const axes = node.inputs[3] ? axesFrom(node, 3, shape.length) : shape.map((_, axis) => axis);
  const pads = node.values[1]?.entries;
  const result = shape.map((length, axis): Dimension => {
    const at = axes?.indexOf(axis);
    if (at === undefined || !axes) {
      return node.fresh(axis);
    }
    const [before, after] = at < 0 ? [0, 0] : [pads?.[at], pads?.[axes.length + at]];
    if (before === 0 && after === 0) {
      return length;
    }
    const known = typeof length === "number" && typeof before === "number" && typeof after === "number";
    return known ? length + before + after : node.fresh(axis);
  });
  return [{ type, shape: result }];
}

/** The padded axes, counted from the front, in the order of the pads. */
function paddedAxes(node: Differentiation): number[] {
  const rank = node.input(0).shape.length;
  if (!node.inputs[3]) {
    return Array.from({ length: rank }, (_, axis) => axis);
  }
  const given = node.write.integersOf(node.inputs[3]) ?? node.refuse("its axes are computed while the graph runs");
  return given.map((axis) => (axis < 0 ? axis + rank : axis));
}

/** The part of a gradient that lies over x: what was padded is cut, what was cut (by a negative length) gets zeros. */
function inner(node: Differentiation, gradient: ValueInfo): ValueInfo {
  const { write } = node;
  const x = node.input(0);
  const pads = write.integersOf(node.inputs[1]);
  const axes = paddedAxes(node);
  const lengths = axes.map((axis) => x.shape[axis]!);
  if (pads?.every((length) => length >= 0) && lengths.every((length) => typeof length === "number")) {
    const starts = pads.slice(0, axes.length);
    return write.slice(gradient, { starts, ends: starts.map((start, i) => start + (lengths[i] as number)), axes });
  }
  const opposite = pads ? write.integers(pads.map((length) => -length)) : write.neg(node.input(1));
  return declareShape(write, write.emit("Pad", [gradient, opposite, undefined, node.inputs[3]])[0]!, x);
}

/**
 * Where every entry of the result comes from is what padding the positions 0, 1, 2, ... in the same way gives: the gradient is
 * added into zeros there, axis by axis.
 */
function foldBack(node: Differentiation, gradient: ValueInfo): ValueInfo {
  const { write, attributes } = node;
  const x = node.input(0);
  const axes = paddedAxes(node);
  const pads = write.integersOf(node.inputs[1]);
  const one = write.scalar(1, "int64");
  return axes.reduce((result, axis, i) => {
    if (pads && pads[i] === 0 && pads[axes.length + i] === 0) {
      return result;
    }
    const length = write.slice(write.shapeOf(x), { starts: [axis], ends: [axis + 1], axes: [0] });
    const positions = write.emit("Range", [write.scalar(0, "int64"), write.squeeze(length, [0]), one])[0]!;
    const both = write.gather(node.input(1), write.integers([i, axes.length + i]), 0);
    const sources = write.emit("Pad", [positions, both], { attributes })[0]!;
    const others = result.shape.flatMap((_, at) => (at === axis ? [] : [at]));
    const indices = write.expandTo(others.length > 0 ? write.unsqueeze(sources, others) : sources, result);
    const shape = result.shape.map((_, at) =>
      write.slice(write.shapeOf(at === axis ? x : result), { starts: [at], ends: [at + 1], axes: [0] }),
    );
    const zeros = write.expand(write.scalar(0, x.type), write.concat(shape, 0));
    return write.emit("ScatterElements", [zeros, indices, result], {
      attributes: { axis: attribute.int(axis), reduction: attribute.string("add") },
    })[0]!;
  }, gradient);
}

// y = x with a constant c around it:           dx = the inner part of dy,  dc = sum of the rest of dy
// y = x with entries of its own around it:     dx = dy added up at the entries that it was taken from
function gradientOfPad(node: Differentiation, input: number): ValueInfo | undefined {
  const { write } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  if (stringAttribute(node.attributes, "mode", "constant") !== "constant") {
    return input === 0 ? declareShape(write, foldBack(node, gradient), node.input(0)) : undefined;
  }
  const part = inner(node, gradient);
  return input === 0 ? part : write.sub(write.reduceSum(gradient), write.reduceSum(part));
}

/** Putting a tensor into a larger one. */
export const paddingOps = {
  Pad: {
    arity: [2, 4],
    attributes: ["mode"],
    infer: inferPad,
    discreteInputs: [1, 3],
    gradient: gradientOfPad,
    limits: "axes that only the run decides",
  },
} satisfies Record<string, OpDefinition>;
