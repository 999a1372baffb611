import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { type Checkpointing, vjp } from "../../src/autodiff/index.js";
import type { Graph } from "../../src/ir/index.js";
import { writeOnnx } from "../../src/onnx/index.js";
import { runGraph } from "../ops/run-graph.js";
import { convolutionStack, feedsOf } from "./stacks.js";

const mebibyte = 2 ** 20;

/** Most memory that this process has had so far, in MiB. */
const peakMemory = (): number => (process.resourceUsage().maxRSS * 1024) / mebibyte;

test("memory falls to less than half", async () => {
  // 24 blocks on 0.5 MiB of activations each: the plain backward pass holds several of them a block.
  const definition = convolutionStack({ depth: 24, width: 16, batch: 8 }, 32);
  const options = { wrt: definition.parameters.map(({ name }) => name), outputs: ["loss"], keep: ["loss"] };
  const feeds = feedsOf(definition, 8);
  // Sessions are not released, so that each adds its own memory to what there was before.
  const added = async (graph: Graph): Promise<number> => {
    const before = peakMemory();
    await runGraph(graph, feeds);
    return peakMemory() - before;
  };
  const gradient = (checkpoint: Checkpointing): Graph =>
    vjp(definition.graph, { ...options, cotangents: "ones", checkpoint }).graph;
  // What a first run costs in any case is not counted.
  await added({ ...definition.graph, outputs: ["loss"] });
  const withCheckpoints = await added(gradient("auto"));
  const without = await added(gradient(1));
  expect(without).toBeGreaterThan(40);
  expect(withCheckpoints).toBeLessThan(without / 2);
});

test("the runtime's optimizer leaves both passes apart", async () => {
  const definition = convolutionStack({ depth: 6, width: 4, batch: 2 });
  const { graph } = vjp(definition.graph, {
    wrt: definition.parameters.map(({ name }) => name),
    outputs: ["loss"],
    cotangents: "ones",
    checkpoint: 3,
  });
  const folder = await mkdtemp(join(tmpdir(), "checkpoint-"));
  try {
    const path = join(folder, "optimized.onnx");
    // "extended" is the highest level whose result has only operators that a file can hold.
    const session = await ort.InferenceSession.create(writeOnnx(graph), {
      graphOptimizationLevel: "extended",
      optimizedModelFilePath: path,
      logSeverityLevel: 3,
    });
    await session.release();
    const written = (await readFile(path)).toString("latin1");
    const count = (text: string): number => written.split(text).length - 1;
    expect(count(":again")).toBeGreaterThan(20);
    const barriers = graph.nodes.filter((node) => node.inputs.some((name) => name.startsWith("barrier.token")));
    expect(barriers.length).toBeGreaterThan(4);
    for (const { outputs } of barriers) {
      expect(written).toContain(outputs[0]);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
