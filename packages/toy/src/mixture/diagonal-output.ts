import type { Numbers } from "../numeric/index.js";

/** Below this the exponential is treated as 0: e^-60 = 9e-27 of the largest term changes no digit of a sum. */
const negligibleExponent = -60;

const parts = 64;
const perPart = parts / Math.LN2;
const partHigh = Math.fround(Math.LN2 / parts);
const partLow = Math.LN2 / parts - partHigh;
const fractions = Float64Array.from({ length: parts }, (_, i) => 2 ** (-i / parts));
const halvings = Float64Array.from({ length: 128 }, (_, i) => 2 ** -i);

/** Everything an output needs at one time, for covariances along the axes; arrays of shape `[K, d]`, `logScales` `[K]`. */
export interface DiagonalConstants {
  readonly dimension: number;
  /** alpha mu_k. */
  readonly centres: Float64Array;
  /** 1 / eigenvalues of C_k. */
  readonly precisions: Float64Array;
  /** log w_k - 1/2 log det(2 pi C_k). */
  readonly logScales: Float64Array;
  /** The expert of component k is shifts_k + gain_k (x - centres_k). */
  readonly shifts: Float64Array;
  readonly gain: Float64Array;
  /** Scratch `[K]`. */
  readonly gamma: Float64Array;
  /** Scratch `[d]`. */
  readonly total: Float64Array;
}

/** out = sum_k gamma_k(x) expert_k(x) for each row: the hot path of every rollout, without allocation. */
export function diagonalOutput(x: Numbers, out: Float64Array | Float32Array, constants: DiagonalConstants): void {
  if (constants.dimension === 2) {
    planarOutput(x, out, constants);
  } else {
    anyOutput(x, out, constants);
  }
}

/** Two axes with everything in locals: about 1.5 times the speed of the general loop. */
function planarOutput(x: Numbers, out: Float64Array | Float32Array, constants: DiagonalConstants): void {
  const { centres, precisions, logScales, shifts, gain, gamma } = constants;
  const components = gamma.length;
  const end = out.length;
  for (let base = 0; base < end; base += 2) {
    const x0 = x[base]!;
    const x1 = x[base + 1]!;
    let largest = Number.NEGATIVE_INFINITY;
    for (let k = 0, j = 0; k < components; k++, j += 2) {
      const y0 = x0 - centres[j]!;
      const y1 = x1 - centres[j + 1]!;
      const logWeight = logScales[k]! - 0.5 * (y0 * y0 * precisions[j]! + y1 * y1 * precisions[j + 1]!);
      gamma[k] = logWeight;
      if (logWeight > largest) {
        largest = logWeight;
      }
    }
    let sum = 0;
    let total0 = 0;
    let total1 = 0;
    for (let k = 0, j = 0; k < components; k++, j += 2) {
      const exponent = gamma[k]! - largest;
      if (exponent < negligibleExponent) {
        continue;
      }
      const weight = negativeExponential(exponent);
      sum += weight;
      total0 += weight * (shifts[j]! + gain[j]! * (x0 - centres[j]!));
      total1 += weight * (shifts[j + 1]! + gain[j + 1]! * (x1 - centres[j + 1]!));
    }
    out[base] = total0 / sum;
    out[base + 1] = total1 / sum;
  }
}

function anyOutput(x: Numbers, out: Float64Array | Float32Array, constants: DiagonalConstants): void {
  const { dimension: d, centres, precisions, logScales, shifts, gain, gamma, total } = constants;
  const components = gamma.length;
  const end = out.length;
  for (let base = 0; base < end; base += d) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let k = 0, j = 0; k < components; k++) {
      let distance = 0;
      for (let i = 0; i < d; i++, j++) {
        const y = x[base + i]! - centres[j]!;
        distance += y * y * precisions[j]!;
      }
      const logWeight = logScales[k]! - 0.5 * distance;
      gamma[k] = logWeight;
      if (logWeight > largest) {
        largest = logWeight;
      }
    }
    total.fill(0);
    let sum = 0;
    for (let k = 0; k < components; k++) {
      const exponent = gamma[k]! - largest;
      if (exponent < negligibleExponent) {
        continue;
      }
      const weight = negativeExponential(exponent);
      sum += weight;
      for (let i = 0, j = k * d; i < d; i++, j++) {
        total[i]! += weight * (shifts[j]! + gain[j]! * (x[base + i]! - centres[j]!));
      }
    }
    for (let i = 0; i < d; i++) {
      out[base + i] = total[i]! / sum;
    }
  }
}

/**
 * exp(x) for x in [-60, 0], to a few units in the last place and about twice as fast as `Math.exp`: two table look-ups
 * and a polynomial of degree 6.
 */
function negativeExponential(x: number): number {
  const n = (-x * perPart) | 0;
  const r = x + n * partHigh + n * partLow;
  const series = 1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r / 720)))));
  return fractions[n & 63]! * halvings[n >> 6]! * series;
}
