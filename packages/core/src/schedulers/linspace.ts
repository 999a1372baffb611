/**
 * `count` evenly spaced numbers from `start` to `end`, both included, in double precision.
 * @param count a whole number >= 1; for 1 the result is `[start]`
 */
export function linspace(start: number, end: number, count: number): Float64Array {
  const out = new Float64Array(count).fill(start);
  for (let i = 1; i < count; i++) {
    out[i] = i === count - 1 ? end : start + ((end - start) * i) / (count - 1);
  }
  return out;
}

/** Lanes of the vector registers with which the reference's numbers were made. */
const LANES = 8;

/**
 * Evenly spaced numbers as PyTorch's `linspace` computed them in float32 for the reference, to the last bit: upwards
 * from the start in the first half, downwards from the end in the second. A number is `start + step i` rounded once (a
 * fused multiply-add); within full pairs of eight lanes that holds for the first of each eight, and the other lanes add
 * the rounded `step * lane` to it.
 * @param count a whole number >= 2
 * @returns float32 numbers, held as doubles
 */
export function linspaceFloat32(start: number, end: number, count: number): Float64Array {
  const { fround } = Math;
  const first = fround(start);
  const last = fround(end);
  const step = fround(fround(last - first) / fround(count - 1));
  // The product of two floats is exact in a double, so one rounding remains.
  const single = (i: number): number =>
    fround(i < Math.floor(count / 2) ? first + step * i : last - step * (count - i - 1));
  const vectorized = count - (count % (2 * LANES));
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const lane = i < vectorized ? i % LANES : 0;
    out[i] = lane === 0 ? single(i) : fround(out[i - lane]! + fround(step * lane));
  }
  return out;
}
