import fc from "fast-check";
import { describe, test } from "vitest";
import { GraphBuilder, type GraphValue } from "../../src/builder/index.js";
import { attribute, type Dimension } from "../../src/ir/index.js";
import type { OpName } from "../../src/ops/index.js";
import { floats, separated } from "./cases.js";
import { checkGradients } from "./finite-differences.js";
import type { TestTensor } from "./run-graph.js";

const settings = { seed: 20260101, numRuns: 25 };
const length = fc.integer({ min: 1, max: 3 });

/** Two shapes that broadcast, with each axis written as a number, as one shared symbol, or as a symbol of its own. */
const broadcastPair = fc
  .array(
    fc.record({ length, keep: fc.constantFrom("both", "a", "b"), symbol: fc.constantFrom("none", "shared", "own") }),
    {
      maxLength: 3,
    },
  )
  .chain((axes) =>
    fc.record({
      axes: fc.constant(axes),
      dropA: fc.integer({ min: 0, max: axes.length }),
      dropB: fc.integer({ min: 0, max: axes.length }),
    }),
  );

type Axes = { readonly length: number; readonly keep: string; readonly symbol: string }[];

function side(axes: Axes, name: "a" | "b", drop: number): { shape: number[]; declared: Dimension[] } {
  const shape: number[] = [];
  const declared: Dimension[] = [];
  axes.forEach(({ length, keep, symbol }, axis) => {
    if (axis < Math.min(drop, axes.length)) {
      return;
    }
    const actual = keep === "both" || keep === name ? length : 1;
    shape.push(actual);
    const shared = keep === "both" ? `s${axis}` : `${name}${axis}`;
    declared.push(symbol === "none" ? actual : symbol === "shared" ? shared : `${name}${axis}`);
  });
  return { shape, declared };
}

/** A one-operator graph over tensors with declared shapes. */
function graphOf(
  name: string,
  inputs: Readonly<Record<string, { tensor: TestTensor; declared?: readonly Dimension[] }>>,
  build: (g: GraphBuilder, values: Readonly<Record<string, GraphValue>>) => GraphValue,
) {
  const g = new GraphBuilder(name);
  const values = Object.fromEntries(
    Object.entries(inputs).map(([key, { tensor, declared }]) => [key, g.input(key, declared ?? tensor.shape)]),
  );
  g.output("y", build(g, values));
  const feeds = Object.fromEntries(Object.entries(inputs).map(([key, { tensor }]) => [key, tensor]));
  return { graph: g.build().graph, feeds };
}

describe("random shapes agree with finite differences", () => {
  test("elementwise operators under any broadcast, any axis a number or a symbol", async () => {
    const ops: OpName[] = ["Add", "Sub", "Mul", "Div", "Max", "Pow"];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ops), broadcastPair, async (op, { axes, dropA, dropB }) => {
        const [a, b] = [side(axes, "a", dropA), side(axes, "b", dropB)];
        const make = op === "Max" ? separated : (shape: readonly number[]) => floats(shape, 0.6, 1.6);
        const inputs = {
          a: { tensor: make(a.shape), declared: a.declared },
          b: { tensor: op === "Max" ? separated(b.shape, 0.2) : floats(b.shape, 0.6, 1.6, 2), declared: b.declared },
        };
        const { graph, feeds } = graphOf(op, inputs, (g, { a, b }) => g.emit(op, [a, b])[0]!);
        await checkGradients(graph, feeds);
      }),
      { ...settings, numRuns: 60 },
    );
  });

  test("matrix products with any leading axes", async () => {
    await fc.assert(
      fc.asyncProperty(broadcastPair, length, length, length, async ({ axes, dropA, dropB }, rows, inner, columns) => {
        const few = axes.slice(0, 2);
        const [a, b] = [side(few, "a", dropA), side(few, "b", dropB)];
        const inputs = {
          a: { tensor: floats([...a.shape, rows, inner]), declared: [...a.declared, "R", inner] },
          b: { tensor: floats([...b.shape, inner, columns], -1, 1, 2), declared: [...b.declared, inner, columns] },
        };
        const { graph, feeds } = graphOf("MatMul", inputs, (g, { a, b }) => g.matMul(a!, b!));
        await checkGradients(graph, feeds);
      }),
      settings,
    );
  });

  test("reductions over any axes", async () => {
    const shape = fc.array(length, { minLength: 1, maxLength: 3 });
    const ops: OpName[] = ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ops),
        shape.chain((lengths) =>
          fc.record({
            lengths: fc.constant(lengths),
            axes: fc.subarray(
              lengths.map((_, axis) => axis),
              { minLength: 1 },
            ),
            symbols: fc.array(fc.boolean(), { minLength: lengths.length, maxLength: lengths.length }),
          }),
        ),
        fc.boolean(),
        fc.boolean(),
        async (op, { lengths, axes, symbols }, keep, fromEnd) => {
          const declared = lengths.map((axis, i) => (symbols[i] ? `d${i}` : axis));
          const { graph, feeds } = graphOf(op, { x: { tensor: separated(lengths), declared } }, (g, { x }) => {
            const given = g.integers(fromEnd ? axes.map((axis) => axis - lengths.length) : axes);
            return g.emit(op, [x, given], { attributes: { keepdims: attribute.int(keep ? 1 : 0) } })[0]!;
          });
          await checkGradients(graph, feeds);
        },
      ),
      settings,
    );
  });

  test("slices with any bounds and steps", async () => {
    const bound = fc.integer({ min: -7, max: 7 });
    const step = fc.constantFrom(1, 1, 2, 3, -1, -2);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 5 }),
        bound,
        bound,
        step,
        fc.boolean(),
        async (size, start, end, step, symbolic) => {
          const declared: Dimension[] = symbolic && step === 1 ? ["N", 2] : [size, 2];
          const { graph, feeds } = graphOf("Slice", { x: { tensor: floats([size, 2]), declared } }, (g, { x }) =>
            g.add(
              g.emit("Slice", [x, g.integers([start]), g.integers([end]), g.integers([0]), g.integers([step])])[0]!,
              0.5,
            ),
          );
          await checkGradients(graph, feeds);
        },
      ),
      { ...settings, numRuns: 50 },
    );
  });

  test("joins and cuts at any place", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(length, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.boolean(),
        async (lengths, last, symbolic) => {
          const axis = last ? 1 : 0;
          const shape = (along: number): number[] => (last ? [2, along] : [along, 2]);
          const inputs = Object.fromEntries(
            lengths.map((along, i) => {
              const fixed = shape(along);
              const declared = fixed.map((size, at) => (symbolic ? (at === axis ? `p${i}` : "M") : size));
              return [`x${i}`, { tensor: floats(fixed, -1, 1, i), declared }];
            }),
          );
          const { graph, feeds } = graphOf("Concat", inputs, (g, values) => {
            const joined = g.concat(Object.values(values), axis);
            const pieces = g.split(joined, lengths, axis);
            // Only the first and the last piece are used, and not alike.
            return g.mul(g.reduceSum(g.square(pieces[0]!)), g.reduceSum(pieces[pieces.length - 1]!));
          });
          await checkGradients(graph, feeds);
        },
      ),
      settings,
    );
  });
});
