import {
  ArgumentError,
  checkConditioning,
  concatConditioning,
  conditioningAt,
  DDTensor,
  ShapeError,
  shared,
  sliceConditioning,
  Tensor,
} from "@diffusiongym/core";
import { describe, expect, it } from "vitest";

const conditioning = () => ({
  label: Int32Array.of(0, 1, 2),
  prompt: ["a", "b", "c"],
  embedding: Tensor.from([
    [1, 2],
    [3, 4],
    [5, 6],
  ]),
  guide: DDTensor.from([[1], [2], [3]]),
  guidance: 7.5,
  style: "oil",
  missing: undefined,
  nothing: null,
  grid: shared([1, 2]),
  nested: { mask: Uint8Array.of(1, 0, 1), deep: { names: ["x", "y", "z"] } },
});

describe("conditioning (DECISIONS 11)", () => {
  it("of every kind splits by its kind", () => {
    const all = conditioning();
    expect(() => checkConditioning(all, 3)).not.toThrow();
    const part = sliceConditioning(all, 1, 3);
    expect(part).toEqual({
      ...conditioning(),
      label: Int32Array.of(1, 2),
      prompt: ["b", "c"],
      embedding: Tensor.from([
        [3, 4],
        [5, 6],
      ]),
      guide: DDTensor.from([[2], [3]]),
      nested: { mask: Uint8Array.of(0, 1), deep: { names: ["y", "z"] } },
    });
    expect(part.grid).toBe(all.grid);
    expect(all).toEqual(conditioning());
    expect(conditioningAt(all, 3, -1).prompt).toEqual(["c"]);
    expect(() => conditioningAt(all, 3, 3)).toThrowError(ArgumentError);
  });

  it("joins again to what it was", () => {
    const all = conditioning();
    const parts = [sliceConditioning(all, 0, 1), sliceConditioning(all, 1, 1), sliceConditioning(all, 1, 3)];
    expect(concatConditioning(parts, [1, 0, 2])).toEqual(all);
  });

  it("does not join constants that differ, or rows of other shapes", () => {
    expect(() => concatConditioning([{ scale: 1 }, { scale: 2 }], [1, 1])).toThrowError(
      /"scale" is 1 in one batch and 2 in another; to join them, give it as an array/,
    );
    expect(() => concatConditioning([{ scale: 1 }, { scale: Number.NaN }], [1, 1])).toThrowError(ArgumentError);
    expect(concatConditioning([{ scale: Number.NaN }, { scale: Number.NaN }], [1, 1]).scale).toBeNaN();
    const rows = (size: number) => ({ e: Tensor.zeros([1, size]) });
    expect(() => concatConditioning([rows(2), rows(3)], [1, 1])).toThrowError(/"e" has rows of shape \[2\] and \[3\]/);
    expect(() => concatConditioning([], [])).toThrowError(/nothing to join/);
  });

  it("is checked with the name of the entry that does not fit", () => {
    expect(() => checkConditioning({ a: { b: ["x"] } }, 2)).toThrowError(ShapeError);
    expect(() => checkConditioning({ a: { b: ["x"] } }, 2)).toThrowError(/"a.b" has 1 entries for 2 samples/);
    expect(() => checkConditioning({ a: new Date() }, 1)).toThrowError(/"a" is a Date, which cannot be split/);
    expect(() => checkConditioning({ a: Symbol("x") }, 1)).toThrowError(/"a" is a symbol/);
    expect(() => checkConditioning({ a: new DataView(new ArrayBuffer(2)) }, 1)).toThrowError(/DataView/);
  });
});
