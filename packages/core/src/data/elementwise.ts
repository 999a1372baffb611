import { ShapeError } from "../errors/index.js";
import { allocate, sameShape, sizeOf, Tensor, type TensorArray } from "./tensor.js";

/** An operation on one tensor, entry by entry or otherwise; it must not change the tensor it is given. */
export type UnaryOp = (tensor: Tensor) => Tensor;

/** An operation on two tensors under NumPy broadcasting; it must not change the tensors it is given. */
export type BinaryOp = (left: Tensor, right: Tensor) => Tensor;

/**
 * Applies `f` to every entry. The result is float32: a function of integers is in general no integer.
 * @param tensor any tensor
 * @param f a function of one number, evaluated in double precision and rounded once
 */
export function mapEntries(tensor: Tensor, f: (value: number) => number): Tensor<Float32Array> {
  const source = tensor.data;
  const out = new Float32Array(source.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = f(source[i]!);
  }
  return new Tensor(out, tensor.shape);
}

/**
 * The shape that two shapes broadcast to by NumPy's rule: aligned at the last axis, equal axes or one of them 1.
 * @throws ShapeError when an axis differs and neither is 1
 */
export function broadcastShape(left: readonly number[], right: readonly number[]): number[] {
  const rank = Math.max(left.length, right.length);
  return Array.from({ length: rank }, (_, axis) => {
    const a = left[axis - rank + left.length] ?? 1;
    const b = right[axis - rank + right.length] ?? 1;
    if (a !== b && a !== 1 && b !== 1) {
      throw new ShapeError(
        `Shapes [${left.join(", ")}] and [${right.join(", ")}] do not broadcast: axis ${axis - rank} is ${a} and ${b}.`,
        left,
        right,
      );
    }
    return a === 1 ? b : a;
  });
}

/**
 * Applies `f` to every pair of entries under broadcasting. Integer tensors give an integer result of the wider type; a
 * float on either side gives float32.
 */
export function zipEntries(left: Tensor, right: Tensor, f: (a: number, b: number) => number): Tensor {
  const type =
    left.type === right.type ? left.type : left.type === "float32" || right.type === "float32" ? "float32" : "int32";
  if (sameShape(left.shape, right.shape)) {
    const out = allocate(type, left.size);
    const a = left.data;
    const b = right.data;
    for (let i = 0; i < out.length; i++) {
      out[i] = f(a[i]!, b[i]!);
    }
    return new Tensor(out, left.shape);
  }
  const shape = broadcastShape(left.shape, right.shape);
  const out = allocate(type, sizeOf(shape));
  zipBroadcast(out, shape, left, right, f);
  return new Tensor(out, shape);
}

function zipBroadcast(
  out: TensorArray,
  shape: readonly number[],
  left: Tensor,
  right: Tensor,
  f: (a: number, b: number) => number,
): void {
  const leftStrides = broadcastStrides(left.shape, shape);
  const rightStrides = broadcastStrides(right.shape, shape);
  const position = new Int32Array(shape.length);
  let a = 0;
  let b = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = f(left.data[a]!, right.data[b]!);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position[axis]!++;
      a += leftStrides[axis]!;
      b += rightStrides[axis]!;
      if (position[axis]! < shape[axis]!) {
        break;
      }
      a -= leftStrides[axis]! * shape[axis]!;
      b -= rightStrides[axis]! * shape[axis]!;
      position[axis] = 0;
    }
  }
}

/** Strides of a tensor of shape `from` read as shape `to`: 0 along axes that are repeated. */
function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const strides = new Array<number>(to.length).fill(0);
  let stride = 1;
  for (let axis = from.length - 1; axis >= 0; axis--) {
    const length = from[axis]!;
    strides[to.length - from.length + axis] = length === 1 ? 0 : stride;
    stride *= length;
  }
  return strides;
}

/** Entry-by-entry sum, difference, product, quotient and power of two tensors, under broadcasting. */
export const add: BinaryOp = (left, right) => zipEntries(left, right, (a, b) => a + b);
export const subtract: BinaryOp = (left, right) => zipEntries(left, right, (a, b) => a - b);
export const multiply: BinaryOp = (left, right) => zipEntries(left, right, (a, b) => a * b);
/** Quotient; of two integer tensors it is float32, as in NumPy's true division. */
export const divide: BinaryOp = (left, right) => zipEntries(toFloat(left), toFloat(right), (a, b) => a / b);
export const power: BinaryOp = (left, right) => zipEntries(left, right, (a, b) => a ** b);

/** The tensor as float32; itself when it is. */
export function toFloat(tensor: Tensor): Tensor<Float32Array> {
  return tensor.data instanceof Float32Array
    ? (tensor as Tensor<Float32Array>)
    : new Tensor(Float32Array.from(tensor.data), tensor.shape);
}

/** Entry-by-entry functions of one tensor. */
export const negate: UnaryOp = (tensor) => mapEntries(tensor, (value) => -value);
export const absolute: UnaryOp = (tensor) => mapEntries(tensor, Math.abs);
export const exponential: UnaryOp = (tensor) => mapEntries(tensor, Math.exp);
export const hyperbolicTangent: UnaryOp = (tensor) => mapEntries(tensor, Math.tanh);
