import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/builder/index.js";
import { attribute } from "../../src/ir/index.js";
import { quotientOf } from "../../src/ops/dimensions.js";
import { broadcastShapes, productOf } from "../../src/ops/index.js";

/** A fresh builder with a matrix `x` [N, 4]. */
function start() {
  const g = new GraphBuilder("test");
  return { g, x: g.input("x", ["N", 4]) };
}

describe("symbolic dimensions", () => {
  test("multiply and divide as products of symbols", () => {
    expect(productOf(["N", 4, "M", 2])).toBe("8*M*N");
    expect(productOf([])).toBe(1);
    expect(productOf(["N", 0])).toBe(0);
    expect(quotientOf("8*M*N", "2*N")).toBe("4*M");
    expect(quotientOf("4*N", "N")).toBe(4);
    expect(quotientOf("3*N", 2)).toBeUndefined();
    expect(quotientOf("N", "M")).toBeUndefined();
  });

  test("broadcast", () => {
    expect(broadcastShapes([["N", 1], [3], ["N", 3]])).toEqual(["N", 3]);
    expect(broadcastShapes([["N"], [5]])).toEqual([5]);
    expect(broadcastShapes([["N"], ["M"]])).toEqual(["max(M,N)"]);
    expect(broadcastShapes([[2], [3]])).toBeUndefined();
    expect(broadcastShapes([[], [0]])).toEqual([0]);
  });

  test("survive reshaping, cutting and joining", () => {
    const { g, x } = start();
    const flat = g.reshape(x, [-1]);
    expect(flat.shape).toEqual(["4*N"]);
    expect(g.reshape(flat, [-1, 2, 2]).shape).toEqual(["N", 2, 2]);
    expect(g.reshape(x, [0, 2, -1]).shape).toEqual(["N", 2, 2]);
    expect(g.concat([x, x], 1).shape).toEqual(["N", 8]);
    expect(g.concat([x, x], 0).shape[1]).toBe(4);
    expect(g.slice(x, { starts: [1], ends: [-1], axes: [1] }).shape).toEqual(["N", 2]);
    expect(g.gemm(x, x, { transA: true }).shape).toEqual([4, 4]);
    expect(g.matMul(x, g.transpose(x)).shape).toEqual(["N", "N"]);
    const unknown = g.slice(x, { starts: [1], ends: [9], axes: [0] }).shape;
    expect(typeof unknown[0]).toBe("string");
    expect(unknown[0]).not.toBe("N");
  });
});

describe("shape arithmetic", () => {
  test("is done while the graph is built where the numbers are known", () => {
    const { g, x } = start();
    const shape = g.emit("Shape", [x])[0]!;
    const width = g.gather(shape, g.integers([1]), 0);
    const half = g.div(width, 2);
    expect(g.integersOf(half)).toEqual([2]);
    expect(g.constantOf(half)).toBeDefined();
    expect(g.partialOf(shape)?.entries).toEqual(["N", 4]);
    const target = g.concat([g.gather(shape, g.integers([0]), 0), half, half], 0);
    expect(g.reshape(x, target).shape).toEqual(["N", 2, 2]);
    g.output("y", g.reshape(x, g.concat([half, g.integers([-1])], 0)));
    expect(g.build().graph.nodes.map(({ op }) => op)).toEqual(["Reshape"]);
  });

  test("the same computation twice is one value", () => {
    const { g, x } = start();
    expect(g.exp(x)).toEqual(g.exp(x));
    expect(g.mul(x, 2)).toEqual(g.mul(x, 2));
    expect(g.mul(x, 0)).not.toEqual(g.mul(x, -0));
    expect(g.softmax(x, 0)).not.toEqual(g.softmax(x, 1));
    expect(g.add(x, 0)).toBe(x);
    expect(g.mul(1, x)).toBe(x);
  });
});

describe("inputs that do not fit are refused by name and shape", () => {
  const { g, x } = start();
  const y = g.input("y", [3]);
  const label = g.input("label", ["N"], "int64");
  const wrong: [string, () => unknown, RegExp][] = [
    [
      "broadcasting",
      () => g.add(x, y),
      /Add \(node "add\w*" of graph "test"\) cannot broadcast the shapes \[N, 4\] and \[3\]/,
    ],
    ["products", () => g.matMul(x, y), /cannot multiply the shapes \[N, 4\] and \[3\]/],
    ["Gemm", () => g.gemm(x, g.floats([[1, 2, 3]])), /cannot multiply the shapes \[N, 4\] and \[1, 3\]/],
    ["mixed types", () => g.add(x, label), /mixes the element types float32 and int64/],
    ["conditions", () => g.where(x, x, x), /needs bool as input 0 and gets float32/],
    ["floats", () => g.softmax(label), /needs float32 or float64 as input 0 and gets int64/],
    ["axes", () => g.concat([x, x], 2), /has the axis 2 outside \[-2, 1\]/],
    ["reductions", () => g.reduceSum(x, { axes: [3] }), /has the axis 3, outside \[-2, 1\]/],
    ["reshapes", () => g.reshape(y, [2]), /cannot reshape \[3\] to \[2\]/],
    ["two free axes", () => g.reshape(y, [-1, -1]), /more than one -1/],
    ["joins", () => g.concat([x, g.unsqueeze(y, [0])], 0), /cannot join the shapes/],
    ["cuts", () => g.split(x, [1, 2], 1), /cuts the length 4 into \[1, 2\]/],
    ["squeezes", () => g.squeeze(x, [1]), /cannot remove the axis 1/],
    ["permutations", () => g.transpose(x, [1, 1]), /permutation \[1, 1\]/],
    ["expansions", () => g.expand(y, [2]), /cannot broadcast \[3\] to \[2\]/],
    [
      "steps of zero",
      () => g.emit("Slice", [y, g.integers([0]), g.integers([1]), g.integers([0]), g.integers([0])]),
      /step of 0/,
    ],
    ["scales", () => g.emit("LayerNormalization", [x, y]), /cannot scale or shift/],
    ["too few inputs", () => g.emit("Where", [x]), /needs 3 inputs and has 1/],
    ["casts", () => g.emit("Cast", [x], { attributes: { to: attribute.int(17) } }), /element type 17/],
  ];
  test.each(wrong)("%s", (_, act, message) => {
    expect(act).toThrow(ShapeError);
    expect(act).toThrow(message);
  });

  test("unknown values", () => {
    expect(() => g.value("lable")).toThrow(ArgumentError);
    expect(() => g.value("lable")).toThrow(/did you mean "label"\?/);
  });
});
