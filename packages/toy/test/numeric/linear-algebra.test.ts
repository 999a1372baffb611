import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gaussLegendre, symmetricEigen } from "../../src/numeric/index.js";

const size = fc.integer({ min: 1, max: 6 });
const square = size.chain((d) =>
  fc
    .array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: d * d, maxLength: d * d })
    .map((entries) => ({ d, entries })),
);

/** B B^T + 0.1 I. */
function positive(d: number, entries: readonly number[]): Float64Array {
  return Float64Array.from({ length: d * d }, (_, at) => {
    const [i, j] = [Math.floor(at / d), at % d];
    let sum = i === j ? 0.1 : 0;
    for (let k = 0; k < d; k++) {
      sum += entries[i * d + k]! * entries[j * d + k]!;
    }
    return sum;
  });
}

describe("small symmetric matrices", () => {
  it("eigenvalues and vectors give the matrix back and the vectors are orthonormal", () => {
    fc.assert(
      fc.property(square, ({ d, entries }) => {
        const matrix = positive(d, entries);
        const { values, vectors } = symmetricEigen(matrix, d);
        for (let i = 0; i < d; i++) {
          for (let j = 0; j < d; j++) {
            let [back, product] = [0, 0];
            for (let a = 0; a < d; a++) {
              back += vectors[i * d + a]! * values[a]! * vectors[j * d + a]!;
              product += vectors[a * d + i]! * vectors[a * d + j]!;
            }
            expect(Math.abs(back - matrix[i * d + j]!)).toBeLessThan(1e-12);
            expect(Math.abs(product - Number(i === j))).toBeLessThan(1e-12);
          }
        }
      }),
      { seed: 1, numRuns: 100 },
    );
  });
});

describe("Gauss-Legendre", () => {
  it.each([2, 5, 12, 16, 33])("%i nodes integrate x^k exactly up to degree 2n - 1", (count) => {
    const { nodes, weights } = gaussLegendre(count);
    for (let degree = 0; degree < 2 * count; degree++) {
      const integral = nodes.reduce((sum, x, j) => sum + weights[j]! * x ** degree, 0);
      expect(Math.abs(integral - (degree % 2 === 0 ? 2 / (degree + 1) : 0))).toBeLessThan(2e-14);
    }
  });
});
