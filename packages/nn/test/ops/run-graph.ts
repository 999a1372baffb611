import * as ort from "onnxruntime-node";
import type { Graph, ValueInfo } from "../../src/ir/index.js";
import { writeOnnx } from "../../src/onnx/index.js";

/** A tensor fed to or read from a graph in tests. */
export interface TestTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array;
}

/** A session that takes and gives plain tensors. */
export interface TestSession {
  run(feeds: Readonly<Record<string, TestTensor>>): Promise<Record<string, TestTensor>>;
}

/** Writes the graph as a file and opens it in ONNX Runtime, as a stranger would. */
export async function openGraph(graph: Graph): Promise<TestSession> {
  const session = await ort.InferenceSession.create(writeOnnx(graph), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const types = new Map(graph.inputs.map((input) => [input.name, input]));
  return {
    async run(feeds) {
      const wanted: Record<string, ort.Tensor> = {};
      for (const name of session.inputNames) {
        const tensor = feeds[name];
        if (!tensor) {
          throw new Error(`Nothing fed for "${name}".`);
        }
        wanted[name] = new ort.Tensor(types.get(name)!.type as "float32", tensor.data as Float32Array, [
          ...tensor.shape,
        ]);
      }
      const results = await session.run(wanted);
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [
          name,
          { shape: [...tensor.dims], data: tensor.data as Float32Array },
        ]),
      );
    },
  };
}

/** Runs a graph once. */
export async function runGraph(graph: Graph, feeds: Readonly<Record<string, TestTensor>>) {
  return (await openGraph(graph)).run(feeds);
}

/** The same numbers every time: entries in [low, high) from a small multiplicative generator. */
export function pseudoRandom(seed: number, length: number, low = -1, high = 1): Float32Array {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39) >>> 0;
    return low + ((high - low) * (mixed >>> 8)) / 2 ** 24;
  });
}

/** Shape of a value with its symbols replaced by numbers. */
export function fixShape(value: ValueInfo, symbols: Readonly<Record<string, number>>): number[] {
  return value.shape.map((axis) => (typeof axis === "number" ? axis : symbols[axis]!));
}
