/** How one axis of an image becomes another length: output k is the sum over j of weights[k, j] input[first[k] + j]. */
export interface Resampling {
  /** First entry of the input that each output needs. */
  readonly first: Int32Array;
  /** Entries of the input that each output may need: columns of `weights`. */
  readonly taps: number;
  /** Shape [outputs, taps]; the rows sum to 1. */
  readonly weights: Float64Array;
}

/** Which part of a resampled axis is kept. */
export interface Kept {
  /** First entry that is kept. */
  readonly start: number;
  /** Entries that are kept. */
  readonly length: number;
}

/**
 * Bicubic resampling with antialiasing, as PyTorch and Pillow do it: the cubic convolution kernel with a = -1/2, widened by
 * the factor by which the axis shrinks, normalised where it is cut off at the border.
 * @param inputLength entries before
 * @param outputLength entries after
 * @param kept the part of them that is wanted
 */
export function bicubicResampling(inputLength: number, outputLength: number, kept: Kept): Resampling {
  const scale = inputLength / outputLength;
  const widening = Math.max(scale, 1);
  const support = 2 * widening;
  const taps = Math.min(Math.ceil(support) * 2 + 1, inputLength);
  const first = new Int32Array(kept.length);
  const weights = new Float64Array(kept.length * taps);
  for (let k = 0; k < kept.length; k++) {
    const centre = scale * (kept.start + k + 0.5);
    const low = Math.max(Math.trunc(centre - support + 0.5), 0);
    const count = Math.min(Math.trunc(centre + support + 0.5), inputLength) - low;
    // The window may end at the border: then it begins earlier, with weights of 0.
    first[k] = Math.min(low, inputLength - taps);
    const row = weights.subarray(k * taps, (k + 1) * taps);
    let sum = 0;
    for (let j = 0; j < count; j++) {
      const weight = cubic((low + j - centre + 0.5) / widening);
      row[low - first[k]! + j] = weight;
      sum += weight;
    }
    for (let j = 0; j < taps; j++) {
      row[j]! /= sum;
    }
  }
  return { first, taps, weights };
}

/** Keys' cubic convolution kernel with a = -1/2. */
function cubic(x: number): number {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) {
    return ((a + 2) * d - (a + 3)) * d * d + 1;
  }
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

/**
 * Resamples each row of a matrix and turns it: out[k, r] = sum_j weights[k, j] input[r, first[k] + j]. Doing so with one axis
 * after the other resamples an image and leaves it upright.
 * @param input shape [rows, columns]
 * @returns shape [outputs, rows]
 */
export function resampleTurned(
  input: ArrayLike<number>,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  { first, taps, weights }: Resampling,
): Float64Array {
  const outputs = first.length;
  const out = new Float64Array(outputs * rows);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < outputs; k++) {
      const from = r * columns + first[k]!;
      let sum = 0;
      for (let j = 0; j < taps; j++) {
        sum += weights[k * taps + j]! * input[from + j]!;
      }
      out[k * rows + r] = sum;
    }
  }
  return out;
}

/**
 * The transposed map of `resampleTurned`: input[r, first[k] + j] = sum over k and j of weights[k, j] cotangent[k, r].
 * @param cotangent shape [outputs, rows]
 * @returns shape [rows, columns]
 */
export function resampleTransposed(
  cotangent: ArrayLike<number>,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  { first, taps, weights }: Resampling,
): Float64Array {
  const outputs = first.length;
  const out = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < outputs; k++) {
      const to = r * columns + first[k]!;
      const value = cotangent[k * rows + r]!;
      for (let j = 0; j < taps; j++) {
        out[to + j]! += weights[k * taps + j]! * value;
      }
    }
  }
  return out;
}
