/**
 * Lower Cholesky factor of a symmetric matrix.
 * @param matrix row-major `[d, d]`
 * @returns the factor, row-major with zeros above the diagonal, or `undefined` when the matrix is not positive definite
 */
export function cholesky(matrix: Float64Array, dimension: number): Float64Array | undefined {
  const d = dimension;
  const factor = new Float64Array(d * d);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * d + j]!;
      for (let k = 0; k < j; k++) {
        sum -= factor[i * d + k]! * factor[j * d + k]!;
      }
      if (i === j && !(sum > 0)) {
        return undefined;
      }
      factor[i * d + j] = i === j ? Math.sqrt(sum) : sum / factor[j * d + j]!;
    }
  }
  return factor;
}

/** log det of the matrix whose lower Cholesky factor is given. */
export function choleskyLogDeterminant(factor: Float64Array, dimension: number): number {
  let sum = 0;
  for (let i = 0; i < dimension; i++) {
    sum += 2 * Math.log(factor[i * dimension + i]!);
  }
  return sum;
}

/** Solves L X = B in place, where B is row-major `[d, columns]`. */
export function solveLower(factor: Float64Array, dimension: number, right: Float64Array): Float64Array {
  const columns = right.length / dimension;
  for (let c = 0; c < columns; c++) {
    for (let i = 0; i < dimension; i++) {
      let sum = right[i * columns + c]!;
      for (let k = 0; k < i; k++) {
        sum -= factor[i * dimension + k]! * right[k * columns + c]!;
      }
      right[i * columns + c] = sum / factor[i * dimension + i]!;
    }
  }
  return right;
}
