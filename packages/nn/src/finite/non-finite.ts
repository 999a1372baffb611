/**
 * Index of the first NaN or infinity of 32-bit numbers, or -1 when there is none. One pass that only adds: finite float32
 * numbers cannot overflow the double that they are summed in, so the sum is finite exactly when all of them are.
 */
export function firstNonFinite(data: Float32Array | Int32Array | Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) {
    sum += data[i]!;
  }
  return Number.isFinite(sum) ? -1 : data.findIndex((value) => !Number.isFinite(value));
}
