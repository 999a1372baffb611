import { ShapeError } from "../errors/index.js";
import type { PerSample } from "./protocol.js";
import { sameShape, Tensor } from "./tensor.js";

/**
 * Sum of coefficients times tensors in one pass: out = c_0 x_0 + c_1 x_1 + ..., accumulated in double precision from
 * left to right and rounded once, so the result does not depend on whether a coefficient came as a number or as an array.
 *
 * @param tensors float32 tensors of one shape
 * @param coefficients a number each, or one number a sample
 * @param rowOffsets for ragged data: rows `rowOffsets[i]` to `rowOffsets[i + 1]` belong to sample i; otherwise row i is sample i
 */
export function combineTensors(
  tensors: readonly Tensor[],
  coefficients: readonly PerSample[],
  rowOffsets?: ArrayLike<number>,
): Tensor<Float32Array> {
  const first = tensors[0]!;
  const arrays = tensors.map((tensor) => {
    if (!sameShape(tensor.shape, first.shape) || !(tensor.data instanceof Float32Array)) {
      throw new ShapeError(
        `Linear combination of a ${first.type} tensor of shape [${first.shape.join(", ")}] with a ${tensor.type} tensor of ` +
          `shape [${tensor.shape.join(", ")}]; both must be float32 and of one shape.`,
        first.shape,
        tensor.shape,
      );
    }
    return tensor.data;
  });
  const out = new Float32Array(first.size);
  if (coefficients.every((coefficient) => typeof coefficient === "number")) {
    combineUniform(out, arrays, coefficients as readonly number[]);
  } else {
    combineRows(out, arrays, coefficients, first.shape[0] ?? 1, rowOffsets);
  }
  return new Tensor(out, first.shape);
}

function combineUniform(out: Float32Array, arrays: readonly Float32Array[], coefficients: readonly number[]): void {
  const [x, y, z] = arrays as [Float32Array, Float32Array, Float32Array];
  const [a, b, c] = coefficients as [number, number, number];
  const size = out.length;
  if (arrays.length === 1) {
    for (let i = 0; i < size; i++) {
      out[i] = a * x[i]!;
    }
  } else if (arrays.length === 2) {
    for (let i = 0; i < size; i++) {
      out[i] = a * x[i]! + b * y[i]!;
    }
  } else if (arrays.length === 3) {
    for (let i = 0; i < size; i++) {
      out[i] = a * x[i]! + b * y[i]! + c * z[i]!;
    }
  } else {
    combineSpan(out, arrays, Float64Array.from(coefficients), 0, size);
  }
}

function combineRows(
  out: Float32Array,
  arrays: readonly Float32Array[],
  coefficients: readonly PerSample[],
  rows: number,
  rowOffsets?: ArrayLike<number>,
): void {
  const samples = rowOffsets ? rowOffsets.length - 1 : rows;
  const stride = rows === 0 ? 0 : out.length / rows;
  for (const coefficient of coefficients) {
    if (typeof coefficient !== "number" && coefficient.length !== samples) {
      throw new ShapeError(
        `A per-sample coefficient has ${coefficient.length} entries for a batch of ${samples}.`,
        [samples],
        [coefficient.length],
      );
    }
  }
  const values = new Float64Array(arrays.length);
  for (let i = 0; i < samples; i++) {
    for (let k = 0; k < values.length; k++) {
      const coefficient = coefficients[k]!;
      values[k] = typeof coefficient === "number" ? coefficient : coefficient[i]!;
    }
    const start = rowOffsets ? rowOffsets[i]! : i;
    const end = rowOffsets ? rowOffsets[i + 1]! : i + 1;
    combineSpan(out, arrays, values, start * stride, end * stride);
  }
}

function combineSpan(
  out: Float32Array,
  arrays: readonly Float32Array[],
  values: Float64Array,
  start: number,
  end: number,
): void {
  for (let j = start; j < end; j++) {
    let sum = values[0]! * arrays[0]![j]!;
    for (let k = 1; k < values.length; k++) {
      sum += values[k]! * arrays[k]![j]!;
    }
    out[j] = sum;
  }
}
