import {
  ArgumentError,
  type Coefficient,
  checkFinite,
  checkStructure,
  coefficientOf,
  collate,
  DDRecord,
  DDTensor,
  DiffusionData,
  joinCoefficients,
  NonFiniteError,
  RandomKey,
  ShapeError,
  sliceCoefficient,
  Tensor,
} from "@diffusiongym/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { PointClouds } from "../support/ragged.js";
import { clouds, example, particles, points } from "../support/subjects.js";

describe("the fused linear combination", () => {
  it("gives the same bits for a number and for an array of that number, with any number of terms", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        (factors, seed) => {
          const batches = factors.map((_, k) => example(points)(seed + k));
          const [first, ...others] = batches as [DDTensor, ...DDTensor[]];
          const combine = (coefficients: readonly Coefficient[]): Float32Array =>
            first.linearCombination(
              coefficients[0]!,
              others.map((batch, k) => [coefficients[k + 1]!, batch] as const),
            ).data;
          const uniform = combine(factors);
          const arrays = factors.map((factor) => new Float64Array(first.length).fill(factor));
          expect(combine(arrays)).toEqual(uniform);
          const exact = Array.from(uniform, (_, i) =>
            factors.reduce((sum, factor, k) => sum + factor * batches[k]!.data[i]!, 0),
          );
          // Adding 0 turns -0 into 0.
          expect(Array.from(uniform, (value) => value + 0)).toEqual(exact.map((value) => Math.fround(value) + 0));
        },
      ),
      { seed: 6, numRuns: 100 },
    );
  });

  it("refuses other shapes, integers and coefficients of another length", () => {
    const x = example(points)(0);
    expect(() => x.linearCombination(1, [[1, DDTensor.from(new Float32Array(6), [6, 1])]])).toThrowError(
      /tensor of shape \[6, 3\] with a float32 tensor of shape \[6, 1\]/,
    );
    expect(() => x.linearCombination(new Float64Array(5), [])).toThrowError(/5 entries for a batch of 6/);
  });
});

describe("ragged data with as many rows in all, but samples of other sizes", () => {
  const [two, other] = [PointClouds.zeros([1, 3]), PointClouds.zeros([3, 1])];
  const again = PointClouds.zeros([1, 3]);
  const refused = expect.objectContaining({
    name: "ShapeError",
    message: expect.stringContaining("[3, 1]; [1, 3] are needed, sample by sample"),
  });

  it("is refused by the linear combination, by arithmetic, and by the check of structure", () => {
    expect(() => two.linearCombination(1, [[1, other]])).toThrow(refused);
    expect(() => two.linearCombination(Float32Array.of(1, 2), [[1, other]])).toThrow(refused);
    expect(() => two.add(other)).toThrow(refused);
    expect(() => checkStructure(other, two, "The model's output")).toThrow(refused);
  });

  it("is taken where the sizes are the same in offsets of their own, or need not be", () => {
    expect(two.linearCombination(1, [[1, again]]).length).toBe(2);
    expect(two.add(again).length).toBe(2);
    expect(() => checkStructure(again, two, "x0")).not.toThrow();
    expect(() => checkStructure(other, two, "x0", { anyRows: true })).not.toThrow();
  });
});

describe("coefficients by part", () => {
  const x = particles(2).onesLike();
  const values = (record: typeof x): number[] => [
    record.entries.positions.data[0]!,
    record.entries.box.entries.lengths.data[0]!,
    record.entries.box.entries.temperature.data[0]!,
  ];

  it("find each part, and a nested part by its parent", () => {
    expect(x.partNames()).toEqual(["positions", "box.lengths", "box.temperature"]);
    expect(values(x.scale({ positions: 2, box: 3 }))).toEqual([2, 3, 3]);
    expect(values(x.scale({ positions: 2, "box.lengths": 3, box: 4 }))).toEqual([2, 3, 4]);
    expect(values(x.scale({ positions: Float32Array.of(5, 6), box: 0 }))).toEqual([5, 0, 0]);
    expect(() => x.scale({ positions: 2 })).toThrowError(/No coefficient for part "box.lengths"; .* "positions"/);
    expect(() => coefficientOf({}, "a")).toThrowError(ShapeError);
  });

  it("are sliced and joined", () => {
    const coefficient = { a: Float32Array.of(1, 2, 3), b: 7 };
    expect(sliceCoefficient(coefficient, 1, 3)).toEqual({ a: Float32Array.of(2, 3), b: 7 });
    const part = (from: number): Coefficient => ({ a: Float32Array.of(from), b: Float32Array.of(-from) });
    expect(joinCoefficients([part(1), part(2)])).toEqual({ a: Float32Array.of(1, 2), b: Float32Array.of(-1, -2) });
  });
});

describe("records", () => {
  it("weigh every number alike in their mean", () => {
    const record = new DDRecord({ a: DDTensor.from([[1, 1, 1]]), b: DDTensor.from([5]) });
    expect(Array.from(record.aggregate())).toEqual([2]);
    expect(Array.from(record.aggregate("sum"))).toEqual([8]);
    expect(Array.from(record.squaredNorm())).toEqual([28]);
  });

  it("refuse what does not belong together", () => {
    const a = DDTensor.from([1, 2]);
    const record = new DDRecord({ a });
    expect(() => new DDRecord({})).toThrowError(/at least one entry/);
    expect(() => new DDRecord({ a, b: DDTensor.from([1]) })).toThrowError(/"a" has 2 samples and "b" has 1/);
    expect(() => new DDRecord({ "a.b": a })).toThrowError(ArgumentError);
    expect(() => new DDRecord({ a: [1, 2] as never })).toThrowError(/entry "a" is of type Array, not a batch/);
    expect(() => record.add(new DDRecord({ b: a }) as unknown as typeof record)).toThrowError(/\{a\} and \{b\}/);
    const nested = new DDRecord({ a: record }) as unknown as typeof record;
    expect(() => record.add(nested)).toThrowError(/"a" is a tensor on one side and a record on the other/);
    expect(() => DDRecord.collate([])).toThrowError(ArgumentError);
    expect(() => collate([] as DDTensor[])).toThrowError(/nothing to join/);
  });

  it("draw noise for each tensor in order, from the stream of each sample", () => {
    const key = RandomKey.fromSeed(8);
    const noise = particles(3).randnLike(key.streams(4));
    const alone = new Float32Array(4 * 2 + 2 + 1);
    key.stream(6).fillNormal(alone);
    const last = noise
      .at(2)
      .tensors()
      .flatMap((tensor) => Array.from(tensor.data));
    // Each tensor starts where the one before stopped; an odd count in between drops half a pair.
    expect(last.slice(0, 10)).toEqual(Array.from(alone.subarray(0, 10)));
  });
});

describe("the mixin", () => {
  it("writes a full algebra on six members: the same numbers for tensors and ragged data", () => {
    const flat = example(points)(3);
    const ragged = example((n) => clouds(n))(3);
    for (const x of [flat, ragged] as unknown as DiffusionData<never>[]) {
      const entries = (batch: DiffusionData<never>): number[] =>
        batch.tensors().flatMap((tensor) => Array.from(tensor.data));
      const data = entries(x);
      const y = x as unknown as DDTensor;
      const results: readonly (readonly [DDTensor, (value: number) => number])[] = [
        [y.add(2), (value) => value + 2],
        [y.sub(2), (value) => value - 2],
        [y.mul(3), (value) => value * 3],
        [y.div(4), (value) => value / 4],
        [y.pow(2), (value) => value ** 2],
        [y.neg(), (value) => -value],
        [y.zerosLike(), () => 0],
        [y.onesLike(), () => 1],
        [y.clone(), (value) => value],
      ];
      for (const [result, f] of results) {
        expect(entries(result as unknown as DiffusionData<never>)).toEqual(data.map((value) => Math.fround(f(value))));
      }
      expect(entries(x)).toEqual(data);
    }
  });

  it("refuses another number of tensors, and types without collate", () => {
    const x = example(points)(0);
    expect(() => particles(6).withTensors([x.tensor])).toThrowError(/1 tensors were given for data that holds 3/);
    class NoCollate extends DiffusionData<NoCollate> {
      readonly length = 1;
      at = (): NoCollate => this;
      slice = (): NoCollate => this;
      apply = (): NoCollate => this;
      combine = (): NoCollate => this;
      aggregate = (): Float32Array => new Float32Array(1);
    }
    expect(() => collate([new NoCollate()])).toThrowError(/NoCollate has no static collate/);
  });

  it("finds what is not finite, and in which sample of ragged data", () => {
    const x = clouds(4);
    const data = new Float32Array(x.points.size);
    data[2 * 5] = Number.NaN;
    const broken = x.withTensors([new Tensor(data, x.points.shape)]);
    expect(() => checkFinite(broken, "x", 3)).toThrowError(NonFiniteError);
    expect(() => checkFinite(broken, "x", 3)).toThrowError(/x holds NaN in sample 2 at step 3/);
    expect(() => checkFinite(DDTensor.from([[3e38, 3e38, 3e38]]), "x")).not.toThrow();
    expect(() => checkFinite(DDTensor.from([[Infinity, -Infinity]]), "x")).toThrowError(/x holds Infinity in sample 0/);
  });

  it("means of ragged samples are their own", () => {
    const ones = clouds(5)
      .onesLike()
      .mul(Float32Array.of(1, 2, 3, 4, 5));
    expectAllClose(ones.aggregate("mean"), [1, 2, 3, 4, 5], { relative: 1e-6 });
    expectAllClose(ones.aggregate("sum"), [6, 4, 24, 8, 50], { relative: 1e-6 });
  });
});
