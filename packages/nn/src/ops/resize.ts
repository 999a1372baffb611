import {
  type Dimension,
  floatAttribute,
  intAttribute,
  intsAttribute,
  stringAttribute,
  type ValueInfo,
} from "../ir/index.js";
import { sumBlocks } from "./average-pooling.js";
import { declareShape } from "./convolution-gradients.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { productOf, resolveAxis } from "./dimensions.js";
import { inputType } from "./inference.js";
import { type Interpolation, interpolationMatrix, knownCoordinates } from "./interpolation.js";
import type { OpWriter } from "./op-writer.js";
import { type AxisLengths, lengthOf, matrixAtRunTime } from "./run-time-interpolation.js";

/** The axes that the entries of scales and sizes are for. */
function resizedAxes({ attributes, fail }: Application, rank: number): number[] {
  const given = intsAttribute(attributes, "axes");
  return given
    ? given.map((axis) => resolveAxis(axis, rank) ?? fail(`has the axis ${axis} outside [${-rank}, ${rank - 1}]`))
    : Array.from({ length: rank }, (_, axis) => axis);
}

function scaled(length: Dimension, scale: number): Dimension | undefined {
  if (typeof length === "string") {
    return Number.isInteger(scale) ? productOf([scale, length]) : undefined;
  }
  return Math.floor(length * scale);
}

function infer(node: Application) {
  const { type, shape } = inputType(node, 0);
  const axes = resizedAxes(node, shape.length);
  const result: (Dimension | undefined)[] = [...shape];
  const sizes = node.inputs[3];
  const given = sizes ?? node.inputs[2] ?? node.fail("needs scales or sizes");
  if (given.shape.length !== 1 || (typeof given.shape[0] === "number" && given.shape[0] !== axes.length)) {
    node.fail(`needs ${axes.length} ${sizes ? "sizes" : "scales"}`);
  }
  if (stringAttribute(node.attributes, "keep_aspect_ratio_policy", "stretch") !== "stretch") {
    node.fail('keeps the aspect ratio, which is not supported here; use the policy "stretch"');
  }
  axes.forEach((axis, i) => {
    if (sizes) {
      result[axis] = node.values[3]?.entries[i];
    } else {
      const scale = node.constants[2]?.data[i];
      const bad = scale !== undefined && !(Number(scale) > 0 && Number(scale) < Number.POSITIVE_INFINITY);
      result[axis] = bad
        ? node.fail(`has the scale ${scale}`)
        : scale === undefined
          ? undefined
          : scaled(shape[axis]!, Number(scale));
    }
  });
  return [{ type, shape: result.map((length, axis) => length ?? node.fresh(axis)) }];
}

/** Scales by axis where the graph gives them as constants, 1 for axes that are not resized. */
function scalesOf({ write, attributes, input, inputs }: Differentiation): number[] | undefined {
  const scales = inputs[3] || !inputs[2] ? undefined : write.constantOf(inputs[2]);
  if (!scales) {
    return undefined;
  }
  const rank = input(0).shape.length;
  const axes = intsAttribute(attributes, "axes")?.map((axis) => (axis < 0 ? axis + rank : axis));
  const values = Array.from<number | bigint, number>(scales.data, Number);
  return Array.from({ length: rank }, (_, axis) => (axes ? (values[axes.indexOf(axis)] ?? 1) : values[axis]!));
}

/** True when every entry is repeated a whole number of times. */
function repeats({ attributes }: Differentiation, scales: readonly number[]): boolean {
  const coordinates = stringAttribute(attributes, "coordinate_transformation_mode", "half_pixel");
  const rounding = stringAttribute(attributes, "nearest_mode", "round_prefer_floor");
  const blocks =
    (coordinates === "asymmetric" && rounding === "floor") ||
    (coordinates === "half_pixel" && rounding.startsWith("round"));
  return (
    stringAttribute(attributes, "mode", "nearest") === "nearest" &&
    blocks &&
    scales.length >= 3 &&
    scales.every((scale, axis) => Number.isInteger(scale) && (axis >= 2 || scale === 1))
  );
}

/** dx along one axis: dy times the matrix A [out, in] of the interpolation, from the side on which the axis is. */
function alongAxis(write: OpWriter, gradient: ValueInfo, axis: number, matrix: ValueInfo): ValueInfo {
  const rank = gradient.shape.length;
  if (axis === rank - 1) {
    return write.matMul(gradient, matrix);
  }
  if (axis === rank - 2) {
    return write.matMul(write.transpose(matrix), gradient);
  }
  const order = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  return write.transpose(write.matMul(write.transpose(gradient, order), matrix), order);
}

/** The scale of an axis as the run gives it: from the scales, or from the lengths. */
function scaleAtRunTime(
  { write, attributes, input, inputs }: Differentiation,
  axis: number,
  lengths: AxisLengths,
): ValueInfo {
  if (inputs[3] || !inputs[2]) {
    return write.div(lengths.after, lengths.before);
  }
  const rank = input(0).shape.length;
  const axes = intsAttribute(attributes, "axes")?.map((given) => (given < 0 ? given + rank : given));
  const at = axes ? axes.indexOf(axis) : axis;
  return at < 0 ? write.scalar(1) : write.squeeze(write.gather(inputs[2], write.integers([at]), 0), [0]);
}

// y = A x along every resized axis:  dx = A^T dy along each; for whole-number repetition, sums over blocks
function gradientOfResize(node: Differentiation): ValueInfo | undefined {
  const { write, attributes, refuse } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const x = node.input(0);
  const scales = scalesOf(node);
  if (scales && repeats(node, scales)) {
    return declareShape(write, sumBlocks(write, gradient, scales.slice(2)), x);
  }
  const interpolation: Interpolation = {
    mode: stringAttribute(attributes, "mode", "nearest"),
    coordinates: stringAttribute(attributes, "coordinate_transformation_mode", "half_pixel"),
    nearestMode: stringAttribute(attributes, "nearest_mode", "round_prefer_floor"),
    cubicCoefficient: floatAttribute(attributes, "cubic_coeff_a", -0.75),
    excludeOutside: intAttribute(attributes, "exclude_outside", 0) !== 0,
    antialias: intAttribute(attributes, "antialias", 0) !== 0,
  };
  if (!knownCoordinates.includes(interpolation.coordinates)) {
    return refuse(`the coordinates "${interpolation.coordinates}" have no derivative here`);
  }
  const asked = intsAttribute(attributes, "axes")?.map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  const result = x.shape.reduce<ValueInfo>((sum, inLength, axis) => {
    const outLength = node.output(0).shape[axis]!;
    const scale = scales?.[axis];
    if (scale === 1 || (inLength === outLength && !scales) || (asked && !asked.includes(axis))) {
      return sum;
    }
    if (typeof inLength === "number" && typeof outLength === "number") {
      const data = interpolationMatrix({ ...interpolation, inLength, outLength, scale: scale ?? outLength / inLength });
      const matrix = write.constant({ type: "float32", shape: [outLength, inLength], data }, "interpolation");
      return alongAxis(write, sum, axis, matrix);
    }
    if (interpolation.antialias) {
      return refuse(`it smooths (antialias) along the axis ${axis}, whose length is known only when the graph runs`);
    }
    const lengths = { before: lengthOf(write, x, axis), after: lengthOf(write, node.output(0), axis) };
    const given = scale === undefined ? scaleAtRunTime(node, axis, lengths) : write.scalar(scale);
    return alongAxis(write, sum, axis, matrixAtRunTime(write, { ...interpolation, lengths, scale: given }));
  }, gradient);
  return declareShape(write, result, x);
}

/** Resampling of axes. */
export const resizeOps = {
  Resize: {
    arity: [1, 4],
    attributes: [
      "antialias",
      "axes",
      "coordinate_transformation_mode",
      "cubic_coeff_a",
      "exclude_outside",
      "extrapolation_value",
      "keep_aspect_ratio_policy",
      "mode",
      "nearest_mode",
    ],
    infer,
    discreteInputs: [1, 2, 3],
    gradient: gradientOfResize,
    limits: "coordinates tf_crop_and_resize; antialias along axes whose lengths only the run decides",
  },
} satisfies Record<string, OpDefinition>;
