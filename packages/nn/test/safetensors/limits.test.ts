import { FormatError } from "@diffusiongym/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/safetensors/index.js";

const file = writeSafetensors(
  [
    ["blocks.0.weight", { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }],
    ["blocks.0.bias", { data: Float32Array.of(0.5, -1), shape: [2], type: "BF16" }],
    ["index", { data: BigInt64Array.of(1n, -1n), shape: [2] }],
    ["mask", { data: Uint8Array.of(1, 0, 1), shape: [3], type: "BOOL" }],
    ["empty", { data: new Float32Array(0), shape: [0, 4] }],
  ],
  { format: "pt" },
);

const withHeader = (text: string, data = 0): Uint8Array => {
  const header = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + header.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  return bytes;
};

/** Reads, or throws the one error of this format. */
function outcome(bytes: Uint8Array): Error | undefined {
  try {
    readSafetensors(bytes);
    return undefined;
  } catch (error) {
    expect(error, String((error as Error).stack)).toBeInstanceOf(FormatError);
    return error as Error;
  }
}

describe("a safetensors file that was damaged", () => {
  test("is refused wherever it is cut short", () => {
    expect(outcome(file)).toBeUndefined();
    for (let length = 0; length < file.length; length++) {
      expect(outcome(file.subarray(0, length)), `${length} bytes`).toBeInstanceOf(FormatError);
    }
  });

  test("is read or refused in words whatever bit of it flips", () => {
    for (let i = 0; i < 8 * file.length; i++) {
      const flipped = file.slice();
      flipped[i >> 3]! ^= 1 << (i % 8);
      outcome(flipped);
    }
  });

  test("is read or refused in words whatever its header says", () => {
    const words = [
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      '"a"',
      '"dtype"',
      '"shape"',
      '"data_offsets"',
      '"F32"',
      "0",
      "4",
      "-1",
      "1e99",
      "null",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 30 }), (parts) => {
        outcome(withHeader(parts.join(""), 4));
      }),
      { seed: 20261122, numRuns: 1000 },
    );
  });
});

describe("a header that would take more memory than its file", () => {
  test("by its depth", () => {
    expect(outcome(withHeader("[".repeat(5_000_000)))!.message).toMatch(/nested deeper/);
    expect(outcome(withHeader(`{"a":{"shape":[[[]]]}}`))!.message).toMatch(/nested deeper/);
  });

  test("by the number of its parts", () => {
    expect(outcome(withHeader(`{"a":[${"{},".repeat(2_000_000)}{}]}`))!.message).toMatch(/more than 4000000 parts/);
  });

  test("but brackets within names are only names", () => {
    const odd = writeSafetensors([['[[[[{{"\\"}', { data: Float32Array.of(1), shape: [1] }]]);
    expect([...readSafetensors(odd).tensors.keys()]).toEqual(['[[[[{{"\\"}']);
  });
});
