import { intAttribute, type ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { staticShape } from "./dimensions.js";
import { inputType } from "./inference.js";
import { axesFrom } from "./partial-values.js";

/** Axes that a reduction runs over; `undefined` when they are computed while the graph runs. */
function reducedAxes(node: Application): readonly number[] | undefined {
  const { shape } = inputType(node, 0);
  const all = shape.map((_, axis) => axis);
  if (!node.inputs[1]) {
    return intAttribute(node.attributes, "noop_with_empty_axes", 0) !== 0 ? [] : all;
  }
  const axes = axesFrom(node, 1, shape.length);
  return axes?.length === 0 && intAttribute(node.attributes, "noop_with_empty_axes", 0) === 0 ? all : axes;
}

function infer(node: Application) {
  const { type, shape } = inputType(node, 0);
  const keep = intAttribute(node.attributes, "keepdims", 1) !== 0;
  const axes = reducedAxes(node);
  if (!axes && !keep) {
    return node.fail("drops axes that are known only while the graph runs; keep them (keepdims = 1)");
  }
  const reduced = shape.map((length, axis) => (axes ? (axes.includes(axis) ? 1 : length) : node.fresh(axis)));
  return [{ type, shape: keep ? reduced : reduced.filter((_, axis) => !axes!.includes(axis)) }];
}

/** A value of the reduced shape with its dropped axes put back as axes of length 1. */
function withReducedAxes(node: Differentiation, value: ValueInfo): ValueInfo {
  const { write } = node;
  const x = node.input(0);
  if (intAttribute(node.attributes, "keepdims", 1) !== 0) {
    return value;
  }
  const axes = node.inputs[1] ? write.integersOf(node.inputs[1]) : undefined;
  if (axes && axes.length > 0) {
    return write.unsqueeze(value, axes);
  }
  return write.reshape(
    value,
    x.shape.map(() => 1),
  );
}

const sum = (node: Differentiation): ValueInfo | undefined => {
  const gradient = node.cotangent(0);
  return gradient && node.write.expandTo(withReducedAxes(node, gradient), node.input(0));
};

const mean = (node: Differentiation): ValueInfo | undefined => {
  const { write } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const [x, y] = [node.input(0), node.output(0)];
  const [before, after] = [staticShape(x.shape), staticShape(y.shape)];
  const reducedShape = x.shape.filter((length, axis) =>
    x.shape.length === y.shape.length ? y.shape[axis] !== length : true,
  );
  const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
  const known = before && after ? size(before) / size(after) : knownCount(node, reducedShape);
  const scaled =
    known === undefined
      ? write.div(gradient, write.cast(write.div(write.sizeOf(x), write.sizeOf(y)), x.type))
      : write.mul(gradient, 1 / known);
  return write.expandTo(withReducedAxes(node, scaled), x);
};

/** Number of entries in each mean when the reduced axes have known lengths although others have not. */
function knownCount(node: Differentiation, lengthened: readonly (number | string)[]): number | undefined {
  const x = node.input(0);
  const axes = node.inputs[1] ? node.write.integersOf(node.inputs[1]) : undefined;
  const lengths = axes?.map((axis) => x.shape[axis < 0 ? axis + x.shape.length : axis]!) ?? lengthened;
  return lengths.every((length) => typeof length === "number") && axes && axes.length > 0
    ? (lengths as number[]).reduce((product, length) => product * length, 1)
    : undefined;
}

const extremum = (node: Differentiation): ValueInfo | undefined => {
  const { write } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const x = node.input(0);
  const attains = write.cast(write.equal(x, withReducedAxes(node, node.output(0))), x.type);
  const count = write.emit("ReduceSum", [attains, node.inputs[1]], { attributes: node.attributes })[0]!;
  return write.mul(attains, withReducedAxes(node, write.div(gradient, count)));
};

/** A rule dx = slope(x, y, dy), where y and dy have the axes of x. */
const pointwise =
  (slope: (node: Differentiation, x: ValueInfo, y: ValueInfo, dy: ValueInfo) => ValueInfo) =>
  (node: Differentiation): ValueInfo | undefined => {
    const dy = node.cotangent(0);
    return dy && slope(node, node.input(0), withReducedAxes(node, node.output(0)), withReducedAxes(node, dy));
  };

/** Each entry's cofactor, zeros among the others or not: the product of all entries but itself. */
const product = pointwise((node, x, _, dy) => {
  const { write } = node;
  const over = (op: "ReduceProd" | "ReduceSum", value: ValueInfo): ValueInfo =>
    withReducedAxes(node, write.emit(op, [value, node.inputs[1]], { attributes: node.attributes })[0]!);
  const isZero = write.equal(x, 0);
  const nonzero = write.where(isZero, 1, x);
  const zeros = over("ReduceSum", write.cast(isZero, x.type));
  const others = write.div(over("ReduceProd", nonzero), nonzero);
  return write.mul(dy, write.where(write.equal(write.sub(zeros, write.cast(isZero, x.type)), 0), others, 0));
});

const reduction = (gradient: OpDefinition["gradient"]): OpDefinition => ({
  arity: [1, 2],
  attributes: ["keepdims", "noop_with_empty_axes"],
  infer,
  discreteInputs: [1],
  gradient,
});

/** Reductions over axes. */
export const reductionOps = {
  // y = sum x:  dx = dy, repeated
  ReduceSum: reduction(sum),
  // y = (sum x) / n:  dx = dy / n, repeated
  ReduceMean: reduction(mean),
  // y = max x:  dx = dy [x = y] / #{x = y}.  Subgradient at ties: equal shares.
  ReduceMax: reduction(extremum),
  // y = min x:  dx = dy [x = y] / #{x = y}.  Subgradient at ties: equal shares.
  ReduceMin: reduction(extremum),
  // y = x_1 x_2 ...:  dx_i = dy times the product of the others.  Where an entry is 0 only this first derivative is right.
  ReduceProd: reduction(product),
  // y = sum |x|:  dx = sign(x) dy.  Subgradient at 0: 0.
  ReduceL1: reduction(pointwise(({ write }, x, _, dy) => write.mul(write.sign(x), dy))),
  // y = (sum x^2)^(1/2):  dx = x dy / y.  Subgradient at y = 0: 0.
  ReduceL2: reduction(
    pointwise(({ write }, x, y, dy) => write.mul(x, write.div(dy, write.where(write.equal(y, 0), 1, y)))),
  ),
  // y = sum x^2:  dx = 2 x dy
  ReduceSumSquare: reduction(pointwise(({ write }, x, _, dy) => write.mul(x, write.mul(dy, 2)))),
  // y = log sum exp(x):  dx = exp(x - y) dy
  ReduceLogSumExp: reduction(pointwise(({ write }, x, y, dy) => write.mul(write.exp(write.sub(x, y)), dy))),
} satisfies Record<string, OpDefinition>;
