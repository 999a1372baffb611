/**
 * The Box-Muller transform on 32-bit words, in additions, multiplications, one division and square roots only. IEEE 754
 * and ECMAScript fix the result of each of those to the last bit, which they do not for Math.log, Math.sin and
 * Math.cos, so the same words give the same normals in every JavaScript engine.
 *
 * With u = (word0 + 1/2) / 2^32 in (0, 1) and an angle theta that is uniform on a grid of 2^32 points of the circle,
 * the pair is sqrt(-2 ln u) (cos theta, sin theta). Its absolute error against real arithmetic on the same words is
 * below 1e-13, and |z| <= sqrt(2 * 33 ln 2) = 6.764, so there is never an infinity or a NaN.
 *
 * The polynomials are minimax fits (Remez exchange in 50 digits) in the squared argument.
 */

/** 2^(k - 33) for k = 0 ... 33: brings a 33-bit odd whole number to [1/sqrt 2, sqrt 2). */
const POWERS = new Float64Array(34);
for (let k = 33, power = 1; k >= 0; k--, power /= 2) {
  POWERS[k] = power;
}
/** Upper 31 bits of 2^32 / sqrt 2: mantissas below are doubled, so that the logarithm is expanded around 1. */
const HALF_ROOT = 0x5a82799a;
const TWO_LN2 = 1.3862943611198906;
/** pi / 2^32: a signed 32-bit word times this is an angle in (-pi/2, pi/2). */
const ANGLE = 7.314590396335798e-10;

// 2 artanh(s) / s in s^2 for |s| <= 3 - 2 sqrt 2; relative error 3e-16.
const L0 = 2.0000000000000004;
const L1 = 0.666666666665518;
const L2 = 0.4000000006218335;
const L3 = 0.28571415957039215;
const L4 = 0.22223438747053753;
const L5 = 0.18121807570719708;
const L6 = 0.16839096955073674;

// sin(x) / x in x^2 for |x| <= pi/2; error 1e-16.
const S0 = 0.9999999999999999;
const S1 = -0.16666666666666075;
const S2 = 0.008333333333282861;
const S3 = -0.0001984126982488777;
const S4 = 2.755731661206906e-6;
const S5 = -2.505188212473725e-8;
const S6 = 1.604817356483546e-10;
const S7 = -7.374448251621741e-13;

// cos(x) in x^2 for |x| <= pi/2; error 2e-15.
const C0 = 0.9999999999999981;
const C1 = -0.49999999999989964;
const C2 = 0.041666666665811744;
const C3 = -0.0013888888861136191;
const C4 = 2.4801582876046835e-5;
const C5 = -2.7556935768790036e-7;
const C6 = 2.085832796082428e-9;
const C7 = -1.1008071636463908e-11;

/**
 * Writes the normals of consecutive word pairs: words 2j and 2j + 1 give normals 2j and 2j + 1.
 * @param words random words, two a pair, read from the start
 * @param out receives standard normals; a Float32Array rounds them to the nearest float
 * @param start index in `out` of the first normal
 * @param pairs number of pairs
 */
export function boxMuller(
  words: Uint32Array | Int32Array,
  out: Float32Array | Float64Array,
  start: number,
  pairs: number,
): void {
  for (let pair = 0; pair < pairs; pair++) {
    const word0 = words[2 * pair]! | 0;
    const word1 = words[2 * pair + 1]! | 0;

    // u = m 2^-k with m in [1/sqrt 2, sqrt 2); -2 ln u = 2 k ln 2 - 2 ln m and ln m = 2 artanh((m - 1) / (m + 1)).
    const zeros = Math.clz32(word0);
    const k = zeros + ((((word0 << zeros) >>> 1) - HALF_ROOT) >>> 31);
    const m = ((word0 >>> 0) * 2 + 1) * POWERS[k]!;
    const s = (m - 1) / (m + 1);
    const q = s * s;
    const q2 = q * q;
    const log = s * (L0 + L1 * q + q2 * (L2 + L3 * q + q2 * (L4 + L5 * q + q2 * L6)));
    const radius = Math.sqrt(k * TWO_LN2 - (log + log));

    // The top bit is a sign; the other 31 are an angle in (-pi/2, pi/2), symmetric around 0.
    const signed = radius * (1 - 2 * (word1 >>> 31));
    const x = ((word1 << 1) | 1) * ANGLE;
    const y = x * x;
    const y2 = y * y;
    const y4 = y2 * y2;
    const sine = x * (S0 + S1 * y + y2 * (S2 + S3 * y) + y4 * (S4 + S5 * y + y2 * (S6 + S7 * y)));
    const cosine = C0 + C1 * y + y2 * (C2 + C3 * y) + y4 * (C4 + C5 * y + y2 * (C6 + C7 * y));
    out[start + 2 * pair] = signed * cosine;
    out[start + 2 * pair + 1] = signed * sine;
  }
}
