/** Eigenvalues and eigenvectors of a symmetric matrix S = U diag(values) U^T. */
export interface SymmetricEigen {
  /** Eigenvalues, shape `[d]`, in no particular order. */
  readonly values: Float64Array;
  /** Eigenvectors as the columns of a row-major `[d, d]` matrix. */
  readonly vectors: Float64Array;
}

const maximumSweeps = 60;

/**
 * Eigen-decomposition by cyclic Jacobi rotations, accurate to rounding for the small matrices of a mixture.
 * @param matrix symmetric, row-major `[d, d]`; only its symmetric part is used
 */
export function symmetricEigen(matrix: ArrayLike<number>, dimension: number): SymmetricEigen {
  const d = dimension;
  const a = new Float64Array(d * d);
  const vectors = new Float64Array(d * d);
  for (let i = 0; i < d; i++) {
    vectors[i * d + i] = 1;
    for (let j = 0; j < d; j++) {
      a[i * d + j] = (matrix[i * d + j]! + matrix[j * d + i]!) / 2;
    }
  }
  for (let sweep = 0; sweep < maximumSweeps; sweep++) {
    let offDiagonal = 0;
    let diagonal = 0;
    for (let i = 0; i < d; i++) {
      diagonal += a[i * d + i]! ** 2;
      for (let j = 0; j < i; j++) {
        offDiagonal += a[i * d + j]! ** 2;
      }
    }
    if (offDiagonal <= Number.EPSILON ** 2 * diagonal) {
      break;
    }
    for (let p = 0; p < d; p++) {
      for (let q = p + 1; q < d; q++) {
        rotate(a, vectors, d, p, q);
      }
    }
  }
  return { values: Float64Array.from({ length: d }, (_, i) => a[i * d + i]!), vectors };
}

/** One Jacobi rotation in the plane (p, q) that makes a[p, q] zero. */
function rotate(a: Float64Array, vectors: Float64Array, d: number, p: number, q: number): void {
  const apq = a[p * d + q]!;
  if (apq === 0) {
    return;
  }
  const theta = (a[q * d + q]! - a[p * d + p]!) / (2 * apq);
  const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  for (let i = 0; i < d; i++) {
    const aip = a[i * d + p]!;
    const aiq = a[i * d + q]!;
    a[i * d + p] = cosine * aip - sine * aiq;
    a[i * d + q] = sine * aip + cosine * aiq;
  }
  for (let i = 0; i < d; i++) {
    const api = a[p * d + i]!;
    const aqi = a[q * d + i]!;
    a[p * d + i] = cosine * api - sine * aqi;
    a[q * d + i] = sine * api + cosine * aqi;
    const vip = vectors[i * d + p]!;
    const viq = vectors[i * d + q]!;
    vectors[i * d + p] = cosine * vip - sine * viq;
    vectors[i * d + q] = sine * vip + cosine * viq;
  }
}
