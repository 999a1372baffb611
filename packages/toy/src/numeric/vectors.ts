/** Numbers in a row: what the exact mathematics reads; batches are row-major `[n, d]`. */
export type Numbers = Float64Array | Float32Array | readonly number[];

/** Dot product of the first `length` entries. */
export function dot(a: Numbers, b: Numbers, length: number = a.length): number {
  let sum = 0;
  for (let i = 0; i < length; i++) {
    sum += a[i]! * b[i]!;
  }
  return sum;
}

/** out = M v for a row-major square matrix. */
export function multiply(matrix: Numbers, vector: Numbers, out: Float64Array): Float64Array {
  const d = out.length;
  for (let i = 0; i < d; i++) {
    let sum = 0;
    for (let j = 0; j < d; j++) {
      sum += matrix[i * d + j]! * vector[j]!;
    }
    out[i] = sum;
  }
  return out;
}
