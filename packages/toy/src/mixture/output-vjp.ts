import type { Numbers } from "../numeric/index.js";
import type { MixtureParts } from "./mixture-options.js";
import type { AffineOutput } from "./time-constants.js";

/** An output at one time, how the components explain the row being evaluated, and scratch. */
export interface WeighedRow extends AffineOutput {
  readonly parts: MixtureParts;
  /** 1 / eigenvalues of C_k, `[K, d]`. */
  readonly precisions: Float64Array;
  /** Responsibilities, `[K]`. */
  readonly gamma: Float64Array;
  /** U_k^T (x - alpha mu_k), `[K, d]`. */
  readonly offset: Float64Array;
  /** Scratch, `[3 d]`. */
  readonly sums: Float64Array;
}

/**
 * J^T a = sum_k gamma_k (G_k a + (f_k . a) grad log gamma_k) of one row. Component k's output f_k has the Jacobian G_k, which is
 * symmetric, and grad log gamma_k = sum_l gamma_l z_l - z_k with z_k = C_k^-1 (x - alpha mu_k).
 * @param cotangents the vectors a, `[n, d]`
 * @param out receives the result, `[n, d]`
 */
export function outputVjp(
  { parts, precisions, shifts, gain, gamma, offset, sums }: WeighedRow,
  cotangents: Numbers,
  out: Float64Array | Float32Array,
  row: number,
): void {
  const { dimension: d, axes } = parts;
  const base = row * d;
  sums.fill(0);
  let mean = 0;
  for (let k = 0, first = 0; k < gamma.length; k++, first += d) {
    let along = 0;
    for (let a = 0; a < d; a++) {
      // The cotangent's coordinates in component k's eigenvectors are kept behind the two sums over components.
      let coordinate = cotangents[base + a]!;
      along += shifts[first + a]! * coordinate;
      if (axes !== undefined) {
        coordinate = 0;
        for (let i = 0; i < d; i++) {
          coordinate += axes[(first + i) * d + a]! * cotangents[base + i]!;
        }
      }
      sums[2 * d + a] = coordinate;
      along += gain[first + a]! * offset[first + a]! * coordinate;
    }
    const weight = gamma[k]!;
    mean += weight * along;
    for (let a = 0; a < d; a++) {
      const pull = weight * precisions[first + a]! * offset[first + a]!;
      const change = weight * gain[first + a]! * sums[2 * d + a]! - along * pull;
      if (axes === undefined) {
        sums[a]! += change;
        sums[d + a]! += pull;
        continue;
      }
      for (let i = 0; i < d; i++) {
        const entry = axes[(first + i) * d + a]!;
        sums[i]! += change * entry;
        sums[d + i]! += pull * entry;
      }
    }
  }
  for (let i = 0; i < d; i++) {
    out[base + i] = sums[i]! + mean * sums[d + i]!;
  }
}
