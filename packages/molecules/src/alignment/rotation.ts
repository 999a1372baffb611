/**
 * The rotation R that minimises sum_i |R a_i - b_i|^2 over proper rotations (Kabsch's problem), from the unit quaternion that
 * is the leading eigenvector of Horn's symmetric 4 x 4 matrix (Horn 1987). Reflections are never returned.
 * @param a points about their mean, shape [n, 3]
 * @param b points about their mean, shape [n, 3]
 * @returns R, row-major, shape [3, 3]; the identity when the points say nothing
 */
export function bestRotation(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const s = new Float64Array(9);
  for (let i = 0; i + 2 < a.length; i += 3) {
    for (let p = 0; p < 3; p++) {
      for (let q = 0; q < 3; q++) {
        s[3 * p + q]! += a[i + p]! * b[i + q]!;
      }
    }
  }
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = s as unknown as NineNumbers;
  const horn = Float64Array.of(
    ...[xx + yy + zz, yz - zy, zx - xz, xy - yx],
    ...[yz - zy, xx - yy - zz, xy + yx, zx + xz],
    ...[zx - xz, xy + yx, yy - xx - zz, yz + zy],
    ...[xy - yx, zx + xz, yz + zy, zz - xx - yy],
  );
  const [w, x, y, z] = leadingEigenvector(horn) as unknown as FourNumbers;
  return Float64Array.of(
    ...[w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
    ...[2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
    ...[2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
  );
}

type FourNumbers = readonly [number, number, number, number];
type NineNumbers = readonly [number, number, number, number, number, number, number, number, number];

/** Unit eigenvector of the largest eigenvalue of a symmetric 4 x 4 matrix, by Jacobi's rotations; the matrix is used up. */
function leadingEigenvector(m: Float64Array): Float64Array {
  const vectors = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
  const scale = m.reduce((sum, value) => sum + value * value, 0);
  for (let sweep = 0; sweep < 30 && offDiagonal(m) > 1e-30 * scale; sweep++) {
    for (let p = 0; p < 3; p++) {
      for (let q = p + 1; q < 4; q++) {
        rotate(m, vectors, p, q);
      }
    }
  }
  let best = 0;
  for (let i = 1; i < 4; i++) {
    best = m[5 * i]! > m[5 * best]! ? i : best;
  }
  return Float64Array.from({ length: 4 }, (_, row) => vectors[4 * row + best]!);
}

function offDiagonal(m: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < 16; i++) {
    sum += i % 5 === 0 ? 0 : m[i]! ** 2;
  }
  return sum;
}

/** One of Jacobi's rotations, which makes the entry (p, q) zero. */
function rotate(m: Float64Array, vectors: Float64Array, p: number, q: number): void {
  const entry = m[4 * p + q]!;
  if (entry === 0) {
    return;
  }
  const ratio = (m[5 * q]! - m[5 * p]!) / (2 * entry);
  const tangent = (ratio >= 0 ? 1 : -1) / (Math.abs(ratio) + Math.hypot(ratio, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  const turn = (matrix: Float64Array, first: number, second: number): void => {
    const [a, b] = [matrix[first]!, matrix[second]!];
    matrix[first] = cosine * a - sine * b;
    matrix[second] = sine * a + cosine * b;
  };
  for (let k = 0; k < 4; k++) {
    turn(m, 4 * k + p, 4 * k + q);
  }
  for (let k = 0; k < 4; k++) {
    turn(m, 4 * p + k, 4 * q + k);
  }
  for (let k = 0; k < 4; k++) {
    turn(vectors, 4 * k + p, 4 * k + q);
  }
}
