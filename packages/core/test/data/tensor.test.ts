import {
  ArgumentError,
  broadcastShape,
  elementwise,
  mapEntries,
  type Reduction,
  reduce,
  ShapeError,
  Tensor,
  zipEntries,
} from "@diffusiongym/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** A small shape, and the shapes that broadcast against it: axes replaced by 1 or dropped from the left. */
const broadcastable = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 0, maxLength: 4 }).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    left: fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
    right: fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
    drop: fc.integer({ min: 0, max: shape.length }),
  }),
);

/** Entry of a tensor at a position of a shape that it broadcasts to. */
function entryAt(tensor: Tensor, position: readonly number[]): number {
  let offset = 0;
  for (const [axis, length] of tensor.shape.entries()) {
    const i = length === 1 ? 0 : position[axis + position.length - tensor.rank]!;
    offset = offset * length + i;
  }
  return tensor.data[offset]!;
}

function positions(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (found, length) => found.flatMap((prefix) => Array.from({ length }, (_, i) => [...prefix, i])),
    [[]],
  );
}

const counted = (shape: readonly number[], from = 1): Tensor<Float32Array> => {
  const tensor = Tensor.zeros(shape);
  tensor.data.forEach((_, i) => {
    tensor.data[i] = from + i;
  });
  return tensor;
};

describe("Tensor", () => {
  it("infers the shape of nested numbers, and gives them back", () => {
    const nested = [
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ];
    expect(Tensor.from(nested).shape).toEqual([1, 3, 2]);
    expect(Tensor.from(nested).toArray()).toEqual(nested);
    expect(Tensor.from(3).toArray()).toBe(3);
    expect(Tensor.from([1, 2, 3, 4], [2, 2]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(Tensor.zeros([2, 0]).toArray()).toEqual([[], []]);
  });

  it("refuses shapes that do not fit", () => {
    expect(() => new Tensor(new Float32Array(5), [2, 3])).toThrowError(/\[2, 3\] holds 6 entries but the array has 5/);
    expect(() => Tensor.zeros([-1])).toThrowError(ShapeError);
    expect(() => Tensor.zeros([1.5])).toThrowError(/the axis 1.5/);
    expect(() => Tensor.from([[1, 2], [3]])).toThrowError(/rows of different shapes/);
    expect(() => counted([6]).reshape([4, -1])).toThrowError(ShapeError);
    expect(() => Tensor.from(1).slice(0)).toThrowError(/no first axis/);
    expect(() => counted([4]).slice(0.5)).toThrowError(ArgumentError);
  });

  it("reshapes without copying and slices with one", () => {
    const tensor = counted([2, 3]);
    expect(tensor.reshape([-1, 2]).shape).toEqual([3, 2]);
    expect(tensor.reshape([6]).data).toBe(tensor.data);
    expect(tensor.slice(-1).toArray()).toEqual([[4, 5, 6]]);
    expect(tensor.slice(1).data.buffer).not.toBe(tensor.data.buffer);
    expect(tensor.slice(1, 0).shape).toEqual([0, 3]);
  });
});

describe("broadcasting", () => {
  it("agrees with indexing entry by entry", () => {
    fc.assert(
      fc.property(broadcastable, ({ shape, left, right, drop }) => {
        const a = counted(shape.map((axis, i) => (left[i] ? 1 : axis)));
        const b = counted(shape.map((axis, i) => (right[i] ? 1 : axis)).slice(drop), 100);
        const result = broadcastShape(a.shape, b.shape);
        const sum = elementwise.subtract(a, b);
        expect(sum.shape).toEqual(result);
        expect(Array.from(sum.data)).toEqual(positions(result).map((at) => entryAt(a, at) - entryAt(b, at)));
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it("names the axis that does not fit", () => {
    expect(() => broadcastShape([2, 3], [4, 1])).toThrowError(
      /\[2, 3\] and \[4, 1\] do not broadcast: axis -2 is 2 and 4/,
    );
  });

  it("keeps integers whole where both sides are, and divides them as numbers", () => {
    const a = new Tensor(Int32Array.of(7, -7), [2]);
    const b = new Tensor(Uint8Array.of(2, 2), [2]);
    expect(elementwise.add(a, b).type).toBe("int32");
    expect(elementwise.add(b, b).type).toBe("uint8");
    expect(elementwise.add(a, Tensor.from([0.5, 0.5])).type).toBe("float32");
    expect(elementwise.divide(a, b).toArray()).toEqual([3.5, -3.5]);
    expect(zipEntries(a, b, (x, y) => x * y).toArray()).toEqual([14, -14]);
    expect(mapEntries(a, (x) => x / 2).toArray()).toEqual([3.5, -3.5]);
  });
});

describe("reduce", () => {
  it("agrees with sums entry by entry, over any axes", () => {
    fc.assert(
      fc.property(
        fc
          .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 })
          .chain((shape) => fc.record({ shape: fc.constant(shape), axes: fc.subarray(shape.map((_, i) => i)) })),
        fc.boolean(),
        fc.constantFrom<Reduction>("sum", "mean"),
        ({ shape, axes }, keepAxes, reduction) => {
          const tensor = counted(shape);
          const sums = new Map<string, number[]>();
          for (const at of positions(shape)) {
            const kept = at.map((i, axis) => (axes.includes(axis) ? 0 : i)).join();
            sums.set(kept, [...(sums.get(kept) ?? []), entryAt(tensor, at)]);
          }
          const expected = [...sums.values()].map((values) => {
            const sum = values.reduce((total, value) => total + value, 0);
            return Math.fround(reduction === "mean" ? sum / values.length : sum);
          });
          const negative = axes.map((axis, i) => (i % 2 === 0 ? axis : axis - shape.length));
          const reduced = reduce(tensor, { axes: negative, keepAxes, reduction });
          expect(Array.from(reduced.data)).toEqual(expected);
          expect(reduced.rank).toBe(keepAxes ? shape.length : shape.length - axes.length);
        },
      ),
      { seed: 5, numRuns: 200 },
    );
  });

  it("takes all axes when none are named, and refuses what has no answer", () => {
    expect(reduce(counted([2, 3])).toArray()).toBe(21);
    expect(reduce(Tensor.zeros([0, 3]), { axes: [0] }).toArray()).toEqual([0, 0, 0]);
    expect(() => reduce(Tensor.zeros([0, 3]), { axes: [0], reduction: "mean" })).toThrowError(/mean over no entries/);
    expect(() => reduce(counted([2]), { axes: [1] })).toThrowError(/axis 1 does not exist/);
    expect(() => reduce(counted([2]), { reduction: "maen" as Reduction })).toThrowError(/did you mean "mean"/);
  });
});
