import type { Reduction, Tensor } from "@diffusiongym/core";
import { expect } from "vitest";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { floats, type GoldenArray } from "./golden.js";

/** One side of an operation. */
export type Operand =
  | { readonly kind: "dd" | "tensor"; readonly array: GoldenArray }
  | { readonly kind: "scalar"; readonly value: number };

/** What the reference gave: numbers, or an error of its own. */
export type Expected =
  | { readonly kind: string; readonly result: GoldenArray }
  | { readonly error: { readonly type: string } };

/** A case of the file; which fields it has depends on its group. */
export interface GoldenCase {
  readonly group: string;
  readonly name: string;
  readonly op: string;
  readonly left: Operand;
  readonly right: Operand;
  readonly x: GoldenArray;
  readonly y: GoldenArray;
  readonly reduction: Reduction | "max" | null;
  readonly index: number;
  readonly slice: readonly [number | null, number | null, number | null];
  readonly items: readonly GoldenArray[];
  readonly method: string;
  readonly a: GoldenArray;
  readonly b: GoldenArray;
  readonly expected: { readonly f32: Expected; readonly f64?: Expected };
}

/** The file. */
export const golden = await loadFixture<{ readonly cases: readonly GoldenCase[] }>(
  "packages/core/test/fixtures/reference-dd-tensor.json.gz",
);
/** The cases of one group. */
export const group = (name: string): GoldenCase[] => golden.cases.filter((one) => one.group === name);

/** The same shape and the same bits; NaN equals NaN, as it does for `Object.is`. */
export function expectSameBits(actual: Tensor, expected: GoldenArray): void {
  expect(actual.shape).toEqual(expected.shape);
  expect(Array.from(actual.data, (value) => value + 0)).toEqual(Array.from(floats(expected), (value) => value + 0));
}

/** The numbers of a case that the reference computed. */
export function resultOf(expected: Expected): GoldenArray {
  if ("error" in expected) {
    throw new Error(`The reference has no number here but a ${expected.error.type}.`);
  }
  return expected.result;
}
