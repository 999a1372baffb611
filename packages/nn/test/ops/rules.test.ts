import { describe, expect, expectTypeOf, test } from "vitest";
import { GraphBuilder, type GraphValue } from "../../src/builder/index.js";
import type { ElementType } from "../../src/ir/index.js";
import { type OpName, opNames, ops } from "../../src/ops/index.js";
import { type OpCase, opCases } from "./cases.js";
import { checkGradients, checkSteps } from "./finite-differences.js";
import type { TestTensor } from "./run-graph.js";

function elementType({ data }: TestTensor): ElementType {
  if (data instanceof Float32Array) {
    return "float32";
  }
  return data instanceof BigInt64Array ? "int64" : "bool";
}

/** The graph of a case, its shapes as numbers, or every axis (or the first) a symbol of its own. */
function buildCase(op: OpName, { inputs, build, fixed }: OpCase, dynamic: boolean | "batch") {
  const g = new GraphBuilder(op);
  const values: Record<string, GraphValue> = {};
  for (const [name, tensor] of Object.entries(inputs)) {
    const shape = tensor.shape.map((length, axis) => {
      const symbolic = dynamic === "batch" ? axis === 0 : dynamic;
      return symbolic && !fixed?.includes(name) ? `${name}${axis}` : length;
    });
    values[name] = g.input(name, shape, elementType(tensor));
  }
  const built = build(g, values);
  for (const [i, value] of (Array.isArray(built) ? (built as GraphValue[]) : [built as GraphValue]).entries()) {
    g.output(`y${i}`, value);
  }
  return g.build().graph;
}

describe("every rule agrees with finite differences, and so does the gradient of its gradient; what has no rule is constant", () => {
  for (const op of opNames) {
    test(op, async () => {
      for (const entry of opCases[op]) {
        const dynamic = entry.dynamic ?? true;
        if (ops[op].gradient === "none") {
          await checkSteps(buildCase(op, entry, false), entry.inputs);
          await checkSteps(buildCase(op, entry, dynamic), entry.inputs);
          continue;
        }
        const { order = 2, stepSize = 0.04 } = entry;
        await checkGradients(buildCase(op, entry, false), entry.inputs, { order, stepSize });
        if (dynamic !== false) {
          await checkGradients(buildCase(op, entry, dynamic), entry.inputs, { order, stepSize });
        }
      }
    });
  }
});

describe("the table", () => {
  test("is total by type", () => {
    expectTypeOf<keyof typeof ops>().toEqualTypeOf<OpName>();
    expectTypeOf<keyof typeof opCases>().toEqualTypeOf<OpName>();
  });

  test("has a case for every operator, reaching every input that is not declared discrete", () => {
    expect(Object.keys(opCases).sort()).toEqual([...opNames].sort());
    expect(Object.keys(ops).sort()).toEqual([...opNames].sort());
    for (const op of opNames) {
      const { gradient, discreteInputs = [], arity } = ops[op];
      const cases = opCases[op];
      expect(cases.length, `${op} has no case`).toBeGreaterThan(0);
      if (gradient === "none") {
        continue;
      }
      const reached = new Set<number>();
      for (const entry of cases) {
        const graph = buildCase(op, entry, false);
        const fed = new Set(graph.inputs.filter((input) => input.type === "float32").map((input) => input.name));
        const inner = graph.nodes.filter((node) => node.op === op);
        expect(inner.length, `a case of ${op} holds no ${op}`).toBeGreaterThan(0);
        for (const node of inner) {
          node.inputs.forEach((name, i) => {
            const made = graph.nodes.some((other) => other.outputs.includes(name));
            if (fed.has(name) || made) {
              reached.add(i);
            }
          });
        }
      }
      const differentiable = Array.from({ length: Math.min(arity[1], 3) }, (_, i) => i).filter(
        (i) => !discreteInputs.includes(i),
      );
      for (const i of differentiable.filter((i) => i < arity[0] || Number.isFinite(arity[1]))) {
        expect(reached.has(i), `input ${i} of ${op} has no finite-difference case`).toBe(true);
      }
    }
  });
});
