import { DDTensor, shared } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { fingerprint } from "../../src/method/fingerprint.js";

describe("fingerprint", () => {
  it("is the same for equal data, in whatever order a record or a map has it", () => {
    expect(fingerprint({ a: Float32Array.of(1, 2), b: "x" })).toBe(fingerprint({ b: "x", a: Float32Array.of(1, 2) }));
    const ab = new Map([
      ["a", 1],
      ["b", 2],
    ] as const);
    const ba = new Map([
      ["b", 2],
      ["a", 1],
    ] as const);
    expect(fingerprint(ab)).toBe(fingerprint(ba));
    const unaligned = new Uint8Array(Uint8Array.of(9, 1, 2, 3, 4, 5).buffer, 1);
    expect(fingerprint(unaligned)).toBe(fingerprint(Uint8Array.of(1, 2, 3, 4, 5)));
  });

  it("tells apart what differs in a bit, a sign or two, an order, a type, a shape or a nesting", () => {
    const values: unknown[] = [
      Float32Array.of(1, 2, 3),
      Float32Array.of(-1, -2, 3),
      Float32Array.of(2, 1, 3),
      Float64Array.of(1, 2, 3),
      Int32Array.of(1, 2, 3),
      [1, 2, 3],
      [1, [2, 3]],
      [[1, 2], 3],
      ["1", 2, 3],
      DDTensor.from([1, 2, 3], [3, 1]),
      DDTensor.from([1, 2, 3], [1, 3]),
      { label: Int32Array.of(1) },
      { labels: Int32Array.of(1) },
      { label: 1 },
      { label: shared([1]) },
      {},
      [],
      "",
      null,
      undefined,
      true,
    ];
    expect(new Set(values.map(fingerprint)).size).toBe(values.length);
    const ones = new Uint8Array(64);
    const prints = new Set([fingerprint(ones)]);
    for (let bit = 0; bit < 512; bit++) {
      const changed = ones.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      prints.add(fingerprint(changed));
    }
    expect(prints.size).toBe(513);
  });
});
