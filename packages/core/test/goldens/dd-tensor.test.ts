import { describe, expect, it } from "vitest";
import { expectAllClose, type Tolerance } from "../../../../tooling/test/close.js";
import {
  ArgumentError,
  type BinaryOp,
  collate,
  DDTensor,
  elementwise,
  mapEntries,
  type Reduction,
  ShapeError,
  Tensor,
  type UnaryOp,
  zipEntries,
} from "../../src/index.js";
import { expectSameBits, type GoldenCase, golden, group, type Operand, resultOf } from "../support/dd-tensor-golden.js";
import { batch, floats, type GoldenArray, numbers } from "../support/golden.js";

/** Close where finite, and the same infinity or NaN elsewhere. */
function expectClose(actual: Tensor, expected: GoldenArray, tolerance: Tolerance): void {
  expect(actual.shape).toEqual(expected.shape);
  const wanted = numbers(expected);
  const hasNumber = (_: number, i: number): boolean => Number.isFinite(wanted[i]!);
  expectAllClose(Array.from(actual.data).filter(hasNumber), wanted.filter(hasNumber), tolerance);
  wanted.forEach((value, i) => {
    if (!Number.isFinite(value)) {
      expect(actual.data[i]).toBe(value);
    }
  });
}

const tensorOf = (operand: Operand): Tensor =>
  operand.kind === "scalar" ? Tensor.full([], operand.value) : Tensor.from(numbers(operand.array), operand.array.shape);

describe("reference/dd_tensor.json, binary", () => {
  const operations: { readonly [op: string]: BinaryOp } = {
    add: elementwise.add,
    sub: elementwise.subtract,
    mul: elementwise.multiply,
    div: elementwise.divide,
    pow: elementwise.power,
  };
  const cases = group("binary");
  /** Errors of Python's operator protocol, which no operation of ours has: pow of two DDTensors, / and ** from the left. */
  const isOperatorError = ({ left, right, op, expected }: GoldenCase): boolean =>
    "error" in expected.f32 && (left.kind !== "dd" || (op === "pow" && right.kind === "dd"));

  it("has 344 cases: 48 are errors of Python's operators only, 12 errors of shapes", () => {
    expect(golden.cases).toHaveLength(498);
    expect(cases).toHaveLength(344);
    expect(cases.filter(isOperatorError)).toHaveLength(48);
    expect(cases.filter((one) => "error" in one.expected.f32)).toHaveLength(60);
  });

  it.each(cases)("$name", (one) => {
    const { left, right, op, expected } = one;
    const operation = operations[op]!;
    // A tensor or number on either side broadcasts with NumPy's rule, as the reference's operators do.
    const compute = (): Tensor => operation(tensorOf(left), tensorOf(right));
    if ("error" in expected.f32 && !isOperatorError(one)) {
      expect(compute).toThrowError(ShapeError);
      return;
    }
    const computed = compute();
    if (isOperatorError(one)) {
      const scalar: { readonly [op: string]: (a: number, b: number) => number } = {
        div: (a, b) => a / b,
        pow: (a, b) => a ** b,
      };
      const wanted = zipEntries(tensorOf(left), tensorOf(right), scalar[op]!);
      expect(computed.shape).toEqual(wanted.shape);
      expect(Array.from(computed.data)).toEqual(Array.from(wanted.data));
    } else if (op === "pow") {
      expectClose(computed, resultOf(expected.f32), { relative: 1e-6 });
      expectClose(computed, resultOf(expected.f64!), { relative: 1e-6 });
    } else {
      expectSameBits(computed, resultOf(expected.f32));
    }
    if (left.kind === "dd") {
      expectMethod(one, computed);
    }
  });

  /** The batch's own method gives the same bits, for the operands it takes. */
  function expectMethod({ left, right, op }: GoldenCase, computed: Tensor): void {
    if (left.kind === "scalar") {
      return;
    }
    const x = batch(left.array);
    const method = op as "add" | "sub" | "mul" | "div" | "pow";
    const shape = right.kind === "scalar" ? [] : right.array.shape;
    const isPerSample = shape.length === left.array.shape.length && shape.slice(1).every((axis) => axis === 1);
    const results: DDTensor[] = [];
    if (right.kind === "scalar") {
      results.push(x[method](right.value));
    } else if (right.kind === "dd") {
      results.push(x[method](batch(right.array)));
    } else if (isPerSample && shape[0] === x.length) {
      results.push(x[method](floats(right.array)), x[method](Float64Array.from(floats(right.array))));
    }
    for (const result of results) {
      expect(result.shape).toEqual(computed.shape);
      expect(Array.from(result.data)).toEqual(Array.from(computed.data));
    }
  }
});

describe("reference/dd_tensor.json, apply and combine", () => {
  const unary: { readonly [op: string]: UnaryOp } = {
    neg: elementwise.negate,
    abs: elementwise.absolute,
    tanh: elementwise.hyperbolicTangent,
    exp: elementwise.exponential,
    square_plus_one: (tensor) => mapEntries(tensor, (value) => value * value + 1),
  };
  const binary: { readonly [op: string]: BinaryOp } = {
    max: (left, right) => zipEntries(left, right, Math.max),
    a_times_b_plus_1: (left, right) => zipEntries(left, right, (a, b) => a * b + 1),
    sub: elementwise.subtract,
  };
  const isExact = (op: string): boolean => ["neg", "abs", "max", "sub"].includes(op);

  it.each(group("apply"))("$name", ({ x, op, expected }) => {
    const { tensor } = batch(x).apply(unary[op]!);
    if (isExact(op)) {
      expectSameBits(tensor, resultOf(expected.f32));
    } else {
      expectClose(tensor, resultOf(expected.f32), { relative: 1e-6 });
    }
  });

  it.each(group("combine"))("$name", ({ x, y, op, expected }) => {
    const { tensor } = batch(x).combine(batch(y), binary[op]!);
    if (isExact(op)) {
      expectSameBits(tensor, resultOf(expected.f32));
    } else {
      expectClose(tensor, resultOf(expected.f64!), { relative: 1e-6 });
    }
  });
});

describe("reference/dd_tensor.json, aggregate", () => {
  it.each(group("aggregate"))("$name", ({ x, reduction, expected }) => {
    const data = batch(x);
    if (reduction === "max") {
      expect(() => data.aggregate("max" as Reduction)).toThrowError(/Unknown reduction "max".*Known are mean, sum/);
      return;
    }
    const computed = reduction === null ? data.aggregate() : data.aggregate(reduction);
    expect(computed).toHaveLength(data.length);
    if (x.shape.length === 1) {
      // DECISIONS 8: a batch of scalars gives those numbers; the reference reduces over the batch.
      expect(Array.from(computed)).toEqual(Array.from(data.data));
      return;
    }
    const tolerance: Tolerance = { relative: 1e-6, absolute: 1e-6 };
    expectAllClose(computed, numbers(resultOf(expected.f32)), tolerance);
    expectAllClose(computed, numbers(resultOf(expected.f64!)), tolerance);
  });
});

describe("reference/dd_tensor.json, index, slice, collate and methods", () => {
  it.each(group("index"))("$name", ({ x, index, expected }) => {
    if ("error" in expected.f32) {
      expect(() => batch(x).at(index)).toThrowError(ArgumentError);
      expect(() => batch(x).at(index)).toThrowError(new RegExp(`Index ${index} is outside a batch of ${x.shape[0]}`));
    } else {
      expectSameBits(batch(x).at(index).tensor, expected.f32.result);
    }
  });

  // Ours has no step, as Array.prototype.slice has none: [::2] is joined from single samples, [::-1] (an error there)
  // has no counterpart.
  it.each(group("slice"))("$name", ({ x, slice: [start, stop, step], expected }) => {
    const data = batch(x);
    if ("error" in expected.f32) {
      expect(step).toBe(-1);
    } else if (step === null) {
      expectSameBits(data.slice(start ?? undefined, stop ?? undefined).tensor, expected.f32.result);
    } else {
      const kept = Array.from({ length: Math.ceil(data.length / step) }, (_, i) => data.at(i * step));
      expectSameBits(collate(kept).tensor, expected.f32.result);
    }
  });

  it.each(group("collate"))("$name", ({ items, expected }) => {
    expectSameBits(DDTensor.collate(items.map(batch)).tensor, resultOf(expected.f32));
    expectSameBits(collate(items.map(batch)).tensor, resultOf(expected.f32));
  });

  it.each(group("method"))("$name", ({ x, method, expected }) => {
    const data = batch(x);
    // Nothing is attached to a graph of derivatives here, so detach is the batch itself.
    const methods: { readonly [name: string]: () => DDTensor } = {
      ones_like: () => data.onesLike(),
      zeros_like: () => data.zerosLike(),
      clone: () => data.clone(),
      detach: () => data,
    };
    expectSameBits(methods[method]!().tensor, resultOf(expected.f32));
  });
});
