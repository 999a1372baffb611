import { expect, test } from "vitest";
import { firstNonFinite } from "../../src/finite/index.js";

test("finds the first NaN or infinity, and nothing in finite numbers however large", () => {
  const largest = 3.4028234663852886e38;
  expect(firstNonFinite(Float32Array.of())).toBe(-1);
  expect(firstNonFinite(new Float32Array(10_000).fill(largest))).toBe(-1);
  expect(firstNonFinite(Float32Array.of(1, Number.NaN, Infinity))).toBe(1);
  expect(firstNonFinite(Float32Array.of(1, Infinity, -Infinity))).toBe(1);
  expect(firstNonFinite(Float32Array.of(-Infinity))).toBe(0);
  expect(firstNonFinite(Int32Array.of(2 ** 31 - 1, 5))).toBe(-1);
});
