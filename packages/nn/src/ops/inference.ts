import { type ElementType, intAttribute, type TensorType } from "../ir/index.js";
import type { Application } from "./application.js";
import { broadcastShapes, printShape, resolveAxis } from "./dimensions.js";
import { onnxTypeCode } from "./element-codes.js";

/** A required input's type. */
export function inputType(node: Application, index: number): TensorType {
  return node.inputs[index] ?? node.fail(`lacks its input ${index}`);
}

/** Fails unless the listed inputs (by default all that are present) have one element type. */
export function requireSameType(
  node: Application,
  indices: readonly number[] = node.inputs.map((_, i) => i),
): ElementType {
  const first = inputType(node, indices[0]!).type;
  for (const index of indices) {
    const type = node.inputs[index]?.type;
    if (type !== undefined && type !== first) {
      node.fail(`mixes the element types ${first} and ${type}`);
    }
  }
  return first;
}

/** Fails unless an input has one of the element types. */
export function requireType(node: Application, index: number, allowed: readonly ElementType[]): void {
  const { type } = inputType(node, index);
  if (!allowed.includes(type)) {
    node.fail(`needs ${allowed.join(" or ")} as input ${index} and gets ${type}`);
  }
}

/** Type of an elementwise operator's output: all inputs broadcast together. */
export function broadcastType(
  node: Application,
  type: ElementType,
  indices = node.inputs.map((_, i) => i),
): TensorType {
  const shapes = indices.map((index) => inputType(node, index).shape);
  const shape = broadcastShapes(shapes);
  return { type, shape: shape ?? node.fail(`cannot broadcast the shapes ${shapes.map(printShape).join(" and ")}`) };
}

/** The element type of a number in ONNX's `TensorProto.DataType`, `undefined` for one that this package does not have. */
export function elementTypeOfCode(code: number): ElementType | undefined {
  const found = Object.entries(onnxTypeCode).find(([, number]) => number === code);
  return found?.[0] as ElementType | undefined;
}

/** Element types with a derivative. */
export function isFloat(type: ElementType): boolean {
  return type === "float32" || type === "float64";
}

/** Fails unless the input is floating point. */
export function requireFloat(node: Application, index = 0): TensorType {
  requireType(node, index, ["float32", "float64"]);
  return inputType(node, index);
}

/** The axis attribute of an operator, counted from the front. */
export function axisOf(node: Application, rank: number, otherwise: number): number {
  const axis = intAttribute(node.attributes, "axis", otherwise);
  return resolveAxis(axis, rank) ?? node.fail(`has the axis ${axis} outside [${-rank}, ${rank - 1}]`);
}
