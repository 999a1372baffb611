import fc from "fast-check";
import { describe, test } from "vitest";
import { GraphBuilder, type GraphValue } from "../../src/builder/index.js";
import { type Attributes, attribute, type Dimension, type Graph } from "../../src/ir/index.js";
import { floats, separated } from "./case-helpers.js";
import { checkGradients } from "./finite-differences.js";
import type { TestTensor } from "./run-graph.js";

const { ints, int, string } = attribute;
const settings = { seed: 20260202, numRuns: 40 };

/** A graph over tensors, every axis a number or a symbol of its own. */
function graphOf(
  inputs: Readonly<Record<string, TestTensor>>,
  symbolic: boolean,
  build: (g: GraphBuilder, values: Readonly<Record<string, GraphValue>>) => GraphValue,
): Graph {
  const g = new GraphBuilder("form");
  const values = Object.entries(inputs).map(([name, { shape }]): [string, GraphValue] => {
    const declared = shape.map((length, axis): Dimension => (symbolic ? `${name}${axis}` : length));
    return [name, g.input(name, declared)];
  });
  g.output("y", build(g, Object.fromEntries(values)));
  return g.build().graph;
}

describe("random forms agree with finite differences", () => {
  test("sums of products: any letters, repeated, shared, summed", async () => {
    const letters = ["a", "b", "c", "d"];
    const equation = fc
      .array(fc.array(fc.constantFrom(...letters), { maxLength: 3 }), { minLength: 1, maxLength: 3 })
      .chain((operands) => {
        const used = [...new Set(operands.flat())];
        return fc.record({
          operands: fc.constant(operands),
          result: fc.shuffledSubarray(used),
          lengths: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 4, maxLength: 4 }),
          symbolic: fc.boolean(),
        });
      });
    await fc.assert(
      fc.asyncProperty(equation, async ({ operands, result, lengths, symbolic }) => {
        const inputs = Object.fromEntries(
          operands.map((operand, i) => {
            const shape = operand.map((letter) => lengths[letters.indexOf(letter)]!);
            return [`x${i}`, floats(shape, -1, 1, i + 1)];
          }),
        );
        const text = `${operands.map((operand) => operand.join("")).join(",")}->${result.join("")}`;
        const graph = graphOf(
          inputs,
          symbolic,
          (g, values) => g.emit("Einsum", Object.values(values), { attributes: { equation: string(text) } })[0]!,
        );
        await checkGradients({ ...graph, name: text }, inputs, { order: 1 });
      }),
      { ...settings, numRuns: 80 },
    );
  });

  test("padding of any kind and length", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("constant", "edge", "reflect"),
        fc.array(fc.tuple(fc.integer({ min: 2, max: 4 }), fc.integer(), fc.integer()), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        async (mode, axes, symbolic) => {
          const shape = axes.map(([length]) => length);
          const bounded = (given: number, length: number): number => {
            const [low, high] = mode === "reflect" ? [0, length - 1] : mode === "edge" ? [0, 3] : [-1, 3];
            return low + (Math.abs(given) % (high - low + 1));
          };
          const pads = [
            ...axes.map(([length, before]) => bounded(before, length)),
            ...axes.map(([length, , after]) =>
              mode === "constant" ? Math.max(0, bounded(after, length)) : bounded(after, length),
            ),
          ];
          const inputs = { x: floats(shape) };
          const graph = graphOf(inputs, symbolic, (g, { x }) =>
            g.square(g.emit("Pad", [x, g.integers(pads)], { attributes: { mode: string(mode) } })[0]!),
          );
          await checkGradients(graph, inputs, { order: 1 });
        },
      ),
      settings,
    );
  });

  test("pooling with any window, stride and padding, counts rounded down and up", async () => {
    const axis = fc.record({
      length: fc.integer({ min: 3, max: 7 }),
      kernel: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 4 }),
      before: fc.integer({ min: 0, max: 2 }),
      after: fc.integer({ min: 0, max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("AveragePool", "MaxPool"),
        fc.array(axis, { minLength: 1, maxLength: 2 }),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        async (op, axes, roundUp, counted, symbolic) => {
          const windows = axes.map((given) => ({
            ...given,
            before: Math.min(given.before, given.kernel - 1),
            after: Math.min(given.after, given.kernel - 1),
          }));
          // A window that would start beyond the end does not count; the runtime of browsers expects it and refuses the graph.
          const beyond = windows.some(({ length, kernel, stride, before, after }) => {
            const last = Math.ceil((length + before + after - kernel) / stride) * stride;
            return last >= length + before;
          });
          fc.pre(!(roundUp && beyond));
          const attributes: Attributes = {
            kernel_shape: ints(windows.map(({ kernel }) => kernel)),
            strides: ints(windows.map(({ stride }) => stride)),
            pads: ints([...windows.map(({ before }) => before), ...windows.map(({ after }) => after)]),
            ceil_mode: int(roundUp ? 1 : 0),
            ...(op === "AveragePool" ? { count_include_pad: int(counted ? 1 : 0) } : {}),
          };
          const shape = [2, 1, ...windows.map(({ length }) => length)];
          const inputs = { x: op === "MaxPool" ? separated(shape) : floats(shape) };
          const graph = graphOf(inputs, symbolic, (g, { x }) => g.emit(op as "MaxPool", [x], { attributes })[0]!);
          await checkGradients(graph, inputs, { order: 1 });
        },
      ),
      settings,
    );
  });

  test("interpolation in any way to any length", async () => {
    const length = fc.integer({ min: 2, max: 6 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("nearest", "linear", "cubic"),
        fc.constantFrom("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"),
        fc.constantFrom("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"),
        fc.tuple(length, length),
        fc.tuple(length, length),
        fc.boolean(),
        async (mode, coordinates, rounding, before, after, symbolic) => {
          const attributes = {
            mode: string(mode),
            coordinate_transformation_mode: string(coordinates),
            nearest_mode: string(rounding),
            axes: ints([2, 3]),
          };
          const inputs = { x: floats([1, 2, ...before]) };
          const graph = graphOf(
            inputs,
            symbolic,
            (g, { x }) => g.emit("Resize", [x, undefined, undefined, g.integers(after)], { attributes })[0]!,
          );
          await checkGradients({ ...graph, name: `${mode} ${coordinates} ${rounding} ${before} ${after}` }, inputs, {
            order: 1,
          });
        },
      ),
      settings,
    );
  });
});
