import { describe, expect, it } from "vitest";
import { ArgumentError, DDTensor, type Reduction, ShapeError, Tensor } from "../../src/index.js";
import { expectSameBits, group, resultOf } from "../support/dd-tensor-golden.js";
import { batch, type GoldenArray } from "../support/golden.js";

describe("reference/dd_tensor.json, errors_and_oddities", () => {
  const cases = group("errors_and_oddities");
  const a = batch(cases[0]!.a);
  const b = batch(cases[0]!.b);
  const untyped = (value: unknown): number => value as number;
  const integers = (...values: number[]): DDTensor =>
    new DDTensor(new Tensor(Int32Array.from(values), [values.length]));
  const resultNamed = (name: string): GoldenArray => resultOf(cases.find((one) => one.name === name)!.expected.f32);
  class Subclass extends DDTensor {}
  const refuses = (action: () => unknown, error: new (...args: never[]) => Error) => (): void =>
    expect(action).toThrowError(error);
  /** Ours gives this instead. */
  const gives = (compute: () => DDTensor | Float32Array, values: readonly number[]) => (): void => {
    const computed = compute();
    expect(Array.from(computed instanceof DDTensor ? computed.data : computed)).toEqual(values);
  };
  const outcomes: { readonly [name: string]: () => void } = {
    // A list has a way of its own: DDTensor.from.
    "DDTensor([1,2,3])  (a list, not a tensor)": gives(() => DDTensor.from([1, 2, 3]), [1, 2, 3]),
    "DDTensor(0-d tensor)": refuses(() => new DDTensor(Tensor.from(1)), ShapeError),
    "collate([])": refuses(() => DDTensor.collate([]), ArgumentError),
    "collate of (2,3) and (2,4)": refuses(
      () => DDTensor.collate([DDTensor.from(new Float32Array(6), [2, 3]), DDTensor.from(new Float32Array(8), [2, 4])]),
      ShapeError,
    ),
    "dd + 'a'": refuses(() => a.add(untyped("a")), ArgumentError),
    "dd + None": refuses(() => a.add(untyped(null)), ArgumentError),
    "dd + [1,2]": refuses(() => a.add(untyped([1, 2])), ArgumentError),
    // JavaScript has one kind of number: these four differ in Python only.
    "dd * numpy.float32(2)": () => expectSameBits(a.mul(2).tensor, resultNamed(doubled)),
    "dd * numpy.float64(2) (is a python float, so accepted)": () =>
      expectSameBits(a.mul(2).tensor, resultNamed(doubled)),
    "dd + True (bool is an int, so adds 1)": refuses(() => a.add(untyped(true)), ArgumentError),
    "1.0 / dd (no __rtruediv__)": gives(
      () => a.pow(-1),
      Array.from(a.data, (value) => Math.fround(1 / value)),
    ),
    "tensor / dd (no __rtruediv__)": gives(
      () => b.div(a),
      Array.from(a.data, (value, i) => Math.fround(b.data[i]! / value)),
    ),
    "2.0 ** dd (no __rpow__)": gives(
      () => a.onesLike().mul(2).pow(a),
      Array.from(a.data, (value) => Math.fround(2 ** value)),
    ),
    "dd ** dd": gives(
      () => a.pow(b),
      Array.from(a.data, (value, i) => Math.fround(value ** b.data[i]!)),
    ),
    "dd(3,2) + dd(4,2)": refuses(() => a.add(DDTensor.from(new Float32Array(8), [4, 2])), ShapeError),
    // Subclasses are batches of the same type.
    "dd + instance of a SUBCLASS of DDTensor": gives(() => a.add(new Subclass(b.tensor)), Array.from(a.add(b).data)),
    "subclass + dd": gives(() => new Subclass(a.tensor).add(b), Array.from(a.add(b).data)),
    "aggregate('median')": refuses(() => a.aggregate("median" as Reduction), ArgumentError),
    // DDTensor holds float32 only: integers are converted on the way in, and nothing truncates.
    "dd.data int64 [1,2,3] * 0.5 (scalar is cast to the INTEGER dtype first, so result is 0)": gives(
      () => integers(1, 2, 3).mul(0.5),
      [0.5, 1, 1.5],
    ),
    "dd.data int64 [1,2,3] + 1.9 (1.9 is truncated to 1)": gives(
      () => integers(1, 2, 3).add(1.9),
      [2.9, 3.9, 4.9].map(Math.fround),
    ),
    "dd.data int64 [1,2,3] / 2": gives(() => integers(1, 2, 3).div(2), [0.5, 1, 1.5]),
    "dd.data int64 [[1,2],[3,4]].aggregate('mean')": gives(
      () => new DDTensor(new Tensor(Int32Array.of(1, 2, 3, 4), [2, 2])).aggregate("mean"),
      [1.5, 3.5],
    ),
    "dd.data int64 ones_like (integers are passed through unchanged, not ones)": gives(
      () => integers(1, 2, 3).onesLike(),
      [1, 1, 1],
    ),
    "dd == dd (no __eq__: identity)": () => expect(a === a.clone()).toBe(false),
    // Of automatic differentiation, which is a matter of packages/nn and of ValueFunction.gradient.
    "gradient of an output that does not depend on x and needs no grad": () => undefined,
    "gradient of an output that needs grad but does not use x: zeros": () =>
      expectSameBits(
        a.zerosLike().tensor,
        resultNamed("gradient of an output that needs grad but does not use x: zeros"),
      ),
  };
  const doubled = "dd * numpy.float64(2) (is a python float, so accepted)";

  it("knows every one of them", () => {
    expect(cases.map(({ name }) => name).sort()).toEqual(Object.keys(outcomes).sort());
  });

  it.each(cases)("$name", ({ name }) => outcomes[name]!());
});
