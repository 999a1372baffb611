/**
 * Conversions between 32-bit floats and the two 16-bit forms that files store: IEEE 754 binary16 ("F16": 5 exponent and 10
 * fraction bits) and bfloat16 ("BF16": the upper half of a 32-bit float). Widening is exact; narrowing rounds to the
 * nearest, ties to even; infinities and NaN stay what they are.
 */

/** Binary16 bit patterns as 32-bit floats. */
export function widenFloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i]!;
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) {
      out[i] = fraction === 0 ? sign * Infinity : NaN;
    } else {
      out[i] = exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
    }
  }
  return out;
}

/** 32-bit floats as binary16 bit patterns; magnitudes of 65520 and more become infinite. */
export function narrowFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const out = new Uint16Array(values.length);
  const words = wordsOf(values);
  for (let i = 0; i < values.length; i++) {
    const word = words[i]!;
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      out[i] = sign | 0x7e00;
    } else if (magnitude >= 0x477ff000) {
      out[i] = sign | 0x7c00;
    } else if (magnitude >= 0x38800000) {
      // Normal in both: drop 13 fraction bits with ties to even, and move the exponent's bias from 127 to 15.
      out[i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    } else {
      // Subnormal in binary16, whose unit there is 2^-24.
      out[i] = sign | roundHalfToEven(Math.abs(values[i]!) * 2 ** 24);
    }
  }
  return out;
}

/** bfloat16 bit patterns as 32-bit floats. */
export function widenBFloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    words[i] = bits[i]! << 16;
  }
  return new Float32Array(words.buffer);
}

/** 32-bit floats as bfloat16 bit patterns. */
export function narrowBFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const out = new Uint16Array(values.length);
  const words = wordsOf(values);
  for (let i = 0; i < values.length; i++) {
    const word = words[i]!;
    const isNotANumber = (word & 0x7fffffff) > 0x7f800000;
    // A NaN is cut with its quiet bit set, because rounding could turn it into an infinity.
    out[i] = isNotANumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return out;
}

function wordsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
