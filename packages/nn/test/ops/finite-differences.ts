import { expect } from "vitest";
import { vjp } from "../../src/autodiff/index.js";
import type { Graph } from "../../src/ir/index.js";
import { typeOf } from "../../src/ir/index.js";
import { openGraph, pseudoRandom, type TestTensor } from "./run-graph.js";

/** What is checked and how closely. */
export interface GradientCheck {
  /** Names of the inputs whose gradients are checked. @default all float inputs */
  readonly wrt?: readonly string[];
  /** How many times the graph is differentiated: 2 checks the gradient of the gradient as well. @default 2 */
  readonly order?: number;
  /** Largest error as a part of the largest gradient entry (or of 1, if that is larger). @default 1e-3 */
  readonly tolerance?: number;
  /** Distance between the points of the differences; smaller for strongly curved functions. @default 0.04 */
  readonly stepSize?: number;
}

/**
 * Compares every entry of every gradient with a fourth-order central difference of sum_o <v_o, o>, for random v; then does the
 * same to the graph of the gradients. Checks every inferred shape against the one that the runtime gives on the way.
 */
export async function checkGradients(
  graph: Graph,
  feeds: Readonly<Record<string, TestTensor>>,
  { wrt = floatInputs(graph), order = 2, tolerance = 1e-3, stepSize = 0.04 }: GradientCheck = {},
): Promise<void> {
  const session = await openGraph(graph);
  const outputs = await session.run(feeds);
  const bound = new Map<string, number>();
  for (const { name, shape } of graph.inputs) {
    expectShape({ name, inferred: shape, actual: feeds[name]!.shape, bound });
  }
  for (const name of graph.outputs) {
    expectShape({ name, inferred: typeOf(graph, name)!.shape, actual: outputs[name]!.shape, bound });
  }
  const floatOutputs = graph.outputs.filter((name) => typeOf(graph, name)!.type === "float32");
  const cotangents = Object.fromEntries(
    floatOutputs.map((name, i) => [name, pseudoRandom(71 + i, outputs[name]!.data.length, 0.5, 1.5)]),
  );
  const objective = async (changed: Readonly<Record<string, TestTensor>>): Promise<number> => {
    const results = await session.run({ ...feeds, ...changed });
    let sum = 0;
    for (const name of floatOutputs) {
      const values = results[name]!.data as Float32Array;
      for (let i = 0; i < values.length; i++) {
        sum += values[i]! * cotangents[name]![i]!;
      }
    }
    return sum;
  };

  const derivative = vjp(graph, { wrt, keep: [] });
  const derivativeFeeds = { ...feeds };
  for (const [output, input] of derivative.cotangents) {
    derivativeFeeds[input] = { shape: outputs[output]!.shape, data: cotangents[output]! };
  }
  const gradients = await (await openGraph(derivative.graph)).run(derivativeFeeds);
  for (const name of wrt) {
    const { shape, data } = feeds[name]!;
    const gradient = gradients[derivative.gradients.get(name)!]!;
    expect(gradient.shape, `shape of the gradient of ${name}`).toEqual(shape);
    const expected: number[] = [];
    for (let i = 0; i < data.length; i++) {
      const at = async (offset: number): Promise<number> => {
        const moved = Float32Array.from(data as Float32Array);
        moved[i]! += offset;
        return objective({ [name]: { shape, data: moved } });
      };
      const near = (await at(stepSize)) - (await at(-stepSize));
      const far = (await at(2 * stepSize)) - (await at(-2 * stepSize));
      expected.push((8 * near - far) / (12 * stepSize));
    }
    const scale = Math.max(1, ...expected.map(Math.abs));
    const actual = Array.from(gradient.data as Float32Array);
    for (let i = 0; i < expected.length; i++) {
      const error = Math.abs(actual[i]! - expected[i]!);
      if (!(error <= tolerance * scale)) {
        throw new Error(
          `Gradient of "${graph.name}" with respect to ${name}[${i}] is ${actual[i]}, finite differences give ${expected[i]}.`,
        );
      }
    }
  }
  if (order > 1) {
    // Where nothing depends on an input, its gradient is a constant: nothing is left to differentiate, and zeros must come.
    await checkGradients({ ...derivative.graph, name: `gradient of ${graph.name}` }, derivativeFeeds, {
      wrt: [...wrt, ...derivative.cotangents.values()],
      order: order - 1,
      tolerance: 3 * tolerance,
      stepSize,
    });
  }
}

/**
 * Checks that no output changes when an input moves by `stepSize` in either direction, as it must where an operator declares that
 * it has no derivative; and every inferred shape against the one that the runtime gives.
 */
export async function checkSteps(
  graph: Graph,
  feeds: Readonly<Record<string, TestTensor>>,
  stepSize = 0.04,
): Promise<void> {
  const session = await openGraph(graph);
  const outputs = await session.run(feeds);
  const bound = new Map<string, number>();
  for (const { name, shape } of graph.inputs) {
    expectShape({ name, inferred: shape, actual: feeds[name]!.shape, bound });
  }
  for (const name of graph.outputs) {
    expectShape({ name, inferred: typeOf(graph, name)!.shape, actual: outputs[name]!.shape, bound });
  }
  for (const name of floatInputs(graph)) {
    for (const direction of [-1, 1]) {
      const { shape, data } = feeds[name]!;
      const moved = Float32Array.from(data as Float32Array, (entry) => entry + direction * stepSize);
      const results = await session.run({ ...feeds, [name]: { shape, data: moved } });
      for (const output of graph.outputs) {
        expect(results[output]!.data, `${output} when ${name} moves by ${direction * stepSize}`).toEqual(
          outputs[output]!.data,
        );
      }
    }
  }
}

function floatInputs(graph: Graph): string[] {
  return graph.inputs.filter((input) => input.type === "float32").map((input) => input.name);
}

interface Shapes {
  readonly name: string;
  readonly inferred: readonly (number | string)[];
  readonly actual: readonly number[];
  readonly bound: Map<string, number>;
}

/** Numbers must agree; a symbol must be the same length wherever it occurs. */
export function expectShape({ name, inferred, actual, bound }: Shapes): void {
  expect(actual.length, `rank of ${name}`).toBe(inferred.length);
  inferred.forEach((length, axis) => {
    if (typeof length === "number") {
      expect(actual[axis], `axis ${axis} of ${name}`).toBe(length);
    } else {
      expect(bound.get(length) ?? actual[axis], `axis ${axis} (${length}) of ${name}`).toBe(actual[axis]);
      bound.set(length, actual[axis]!);
    }
  });
}
