import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { narrowBFloat16, narrowFloat16, widenBFloat16, widenFloat16 } from "../../src/safetensors/index.js";

const everyPattern = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

/** The nearest of all values of a 16-bit form, ties to the even pattern: the definition, by search. */
function nearest(value: number, widened: Float32Array): number {
  let best = Infinity;
  for (let bits = 0; bits < 0x8000; bits++) {
    const distance = Math.abs(widened[bits]! - Math.abs(value));
    const isCloser = distance < Math.abs((widened[best] ?? Infinity) - Math.abs(value));
    if (isCloser || (distance === Math.abs(widened[best]! - Math.abs(value)) && bits % 2 === 0)) {
      best = bits;
    }
  }
  return best;
}

describe.each([
  ["binary16", widenFloat16, narrowFloat16],
  ["bfloat16", widenBFloat16, narrowBFloat16],
])("%s", (_, widen, narrow) => {
  test("every value survives widening and narrowing", () => {
    const widened = widen(everyPattern);
    const back = narrow(widened);
    for (let bits = 0; bits < 65536; bits++) {
      if (Number.isNaN(widened[bits]!)) {
        expect(widen(back.subarray(bits, bits + 1))[0]).toBeNaN();
      } else if (back[bits] !== bits) {
        expect.fail(`${bits.toString(16)} came back as ${back[bits]!.toString(16)}`);
      }
    }
  });

  test("narrowing gives the nearest value, ties to even", () => {
    const widened = widen(everyPattern);
    fc.assert(
      fc.property(
        fc.nat({ max: 0x7bfe }),
        fc.constantFrom(0.25, 0.5, 0.75),
        fc.boolean(),
        (bits, between, negative) => {
          const low = widened[bits]!;
          const high = widened[bits + 1]!;
          fc.pre(Number.isFinite(high));
          const value = Math.fround(low + (high - low) * between);
          const [result] = narrow(Float32Array.of(negative ? -value : value));
          expect(result! & 0x7fff).toBe(nearest(value, widened));
          expect(result! >> 15).toBe(negative ? 1 : 0);
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });
});

test("known values", () => {
  expect([...widenFloat16(Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x7c00))]).toEqual([
    1,
    -2,
    65504,
    2 ** -14,
    2 ** -24,
    Infinity,
  ]);
  expect([...narrowFloat16(Float32Array.of(65519, 65520, 1e30, -1e-30, 2 ** -25, 1.5 * 2 ** -24))]).toEqual([
    0x7bff, 0x7c00, 0x7c00, 0x8000, 0, 2,
  ]);
  expect([...narrowBFloat16(Float32Array.of(1, -2, 3.4e38, NaN))]).toEqual([0x3f80, 0xc000, 0x7f80, 0x7fc0]);
});
