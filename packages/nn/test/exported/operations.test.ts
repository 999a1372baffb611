import { beforeAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { vjp } from "../../src/autodiff/index.js";
import type { Graph } from "../../src/ir/index.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { runGraph, type TestTensor } from "../ops/run-graph.js";
import {
  decodeAll,
  decodeExact,
  decodeRounded,
  type ExportedOperations,
  largestOf,
  loadExport,
  loadExported,
} from "./fixture.js";

/**
 * Some 170 operations of PyTorch, each an output of its own, exported by the two exporters of PyTorch 2.9, with the gradients of
 * each by torch's autograd: `tooling/fixtures/exported_operators.py`. Where an exporter does not do one, it is not there.
 */
const bags = ["elementwise", "reductions", "rearranging", "spatial"];
const exports = ["script17", "dynamo18", "dynamo20"];

describe.each(bags)("operations: %s", (bag) => {
  let fixture: ExportedOperations;
  let inputs: Record<string, TestTensor>;
  beforeAll(async () => {
    fixture = await loadExported<ExportedOperations>(bag);
    inputs = decodeAll(fixture.inputs);
  });

  describe.each(exports)("as exported by %s", (key) => {
    let graph: Graph;
    beforeAll(async () => {
      graph = parseOnnx(await loadExport(bag, key));
    });

    test("give PyTorch's outputs", async () => {
      const results = await runGraph(graph, inputs);
      expect(Object.keys(results).length).toBe(fixture.exports[key]!.length);
      for (const name of fixture.exports[key]!) {
        const expected = decodeExact(fixture.outputs[name]!);
        expect(results[name]!.shape, name).toEqual(expected.shape);
        close(`The output of ${name}`, results[name]!, expected, 1e-5);
      }
    });

    test("give PyTorch's gradients", async () => {
      const failures: string[] = [];
      for (const name of fixture.exports[key]!) {
        const wanted = fixture.gradients[name];
        try {
          if (wanted) {
            await expectGradients(graph, name, Object.keys(wanted));
          }
        } catch (error) {
          failures.push(`${name}: ${(error as Error).message}`);
        }
      }
      expect(failures).toEqual([]);
    });

    async function expectGradients(graph: Graph, output: string, wrt: readonly string[]): Promise<void> {
      const derivative = vjp(graph, { wrt, outputs: [output], keep: [] });
      const feeds = { ...inputs };
      for (const [of, input] of derivative.cotangents) {
        feeds[input] = decodeExact(fixture.cotangents[of]!);
      }
      const results = await runGraph(derivative.graph, feeds);
      for (const name of wrt) {
        const expected = decodeRounded(fixture.gradients[output]![name]!);
        const actual = results[derivative.gradients.get(name)!]!;
        expect(actual.shape, `shape of the gradient of ${output} with respect to ${name}`).toEqual(expected.shape);
        close(`The gradient with respect to ${name}`, actual, expected, 2e-4);
      }
    }
  });
});

test("the padding that the older exporter computes from lists is known on reading", async () => {
  const graph = parseOnnx(await loadExport("spatial", "script17"));
  const padding = graph.nodes.filter(({ op }) => op === "Pad");
  expect(padding.length).toBeGreaterThan(2);
  for (const { inputs, outputs } of padding) {
    expect(graph.initializers.has(inputs[1]!), inputs[1]).toBe(true);
    expect(
      graph.valueInfo
        .get(outputs[0]!)
        ?.shape.slice(1)
        .every((length) => typeof length === "number"),
    ).toBe(true);
  }
});

/** Every entry within a part of the largest one. */
function close(what: string, actual: TestTensor, expected: TestTensor, part: number): void {
  try {
    expectAllClose(
      Array.from<number | bigint, number>(actual.data, Number),
      Array.from<number | bigint, number>(expected.data, Number),
      {
        absolute: part * largestOf(expected),
      },
    );
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`);
  }
}
