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
 * Evenly spaced numbers as PyTorch's `linspace` computes them in float32, to the last bit: upwards from the start in the
 * first half, downwards from the end in the second, in full pairs of eight lanes each of which is counted from the
 * first of its eight, and singly in the rest.
 * @param count a whole number >= 2
 * @returns float32 numbers, held as doubles
 */
export function linspaceFloat32(start: number, end: number, count: number): Float64Array {
  const { fround } = Math;
  const first = fround(start);
  const last = fround(end);
  const step = fround(fround(last - first) / fround(count - 1));
  const single = (i: number): number =>
    i < Math.floor(count / 2) ? fround(first + fround(step * i)) : fround(last - fround(step * (count - i - 1)));
  const vectorized = count - (count % (2 * LANES));
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const lane = i < vectorized ? i % LANES : 0;
    out[i] = lane === 0 ? single(i) : fround(out[i - lane]! + fround(step * lane));
  }
  return out;
}
