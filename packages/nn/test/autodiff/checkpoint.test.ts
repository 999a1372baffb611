import { ArgumentError, RandomKey, Tensor } from "@diffusiongym/core";
import { afterAll, describe, expect, test } from "vitest";
import { loadFixture, loadFixtureBytes } from "../../../../tooling/test/fixtures.js";
import { type Checkpointing, type VjpOptions, vjp } from "../../src/autodiff/index.js";
import { GraphBuilder, meanSquaredError, type NetworkDefinition, silu, unet2d } from "../../src/builder/index.js";
import { Engine } from "../../src/engine/index.js";
import { type Graph, parameterValues, producers, thaw } from "../../src/ir/index.js";
import { type BuildLoss, Network } from "../../src/network/index.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { checkGradients } from "../ops/finite-differences.js";
import { pseudoRandom, type TestTensor } from "../ops/run-graph.js";
import { convolutionStack, denseStack, feedsOf, transformerStack } from "./stacks.js";

type Feeds = Readonly<Record<string, TestTensor>>;

const lossOf = ({ parameters }: NetworkDefinition): VjpOptions => ({
  wrt: parameters.map(({ name }) => name),
  outputs: ["loss"],
  cotangents: "ones",
  keep: ["loss", "y"],
});

/** Nodes that compute something a second time. */
const repeated = (graph: Graph): string[] =>
  graph.nodes.filter((node) => node.name.includes(":again")).map((node) => node.op);

const engine = new Engine({ threads: 1 });
afterAll(() => engine.dispose());

const tensorOf = ({ data, shape }: TestTensor): Tensor =>
  new Tensor(data instanceof BigInt64Array ? Int32Array.from(data, Number) : (data as Float32Array), shape);

/** Index of the first entry that differs, -1 where there is none: a failure that prints in no time. */
const firstDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length ? Array.prototype.findIndex.call(a, (value: number, i) => !Object.is(value, b[i])) : 0;

/** Every output, compiled as a network compiles its gradients. */
async function outputsOf(graph: Graph, feeds: Feeds): Promise<Record<string, Tensor>> {
  await using executable = await engine.compile(graph, { withoutOptimizers: ["MatMulScaleFusion"] });
  return executable.run(Object.fromEntries(graph.inputs.map(({ name }) => [name, tensorOf(feeds[name]!)])));
}

async function expectSameBits(plain: Graph, checkpointed: Graph, feeds: Feeds): Promise<void> {
  expect(checkpointed.outputs).toEqual(plain.outputs);
  expect(checkpointed.inputs).toEqual(plain.inputs);
  const [expected, actual] = [await outputsOf(plain, feeds), await outputsOf(checkpointed, feeds)];
  for (const name of plain.outputs) {
    expect(actual[name]!.shape).toEqual(expected[name]!.shape);
    expect(firstDifference(actual[name]!.data, expected[name]!.data), name).toBe(-1);
  }
}

describe("gradients with checkpoints have the same bits on one thread", () => {
  const stacks = { denseStack, convolutionStack, transformerStack };
  const plans: Checkpointing[] = [1, 3, "auto"];
  for (const [title, make] of Object.entries(stacks)) {
    test.each([4, "N"] as const)(`${title}, batch %s`, async (batch) => {
      const definition = make({ depth: 5, width: 8, batch });
      const plain = vjp(definition.graph, lossOf(definition)).graph;
      for (const checkpoint of plans) {
        const { graph } = vjp(definition.graph, { ...lossOf(definition), checkpoint });
        expect(repeated(graph).length > 0).toBe(checkpoint !== 1);
        await expectSameBits(plain, graph, feedsOf(definition, 4));
      }
    });
  }

  test("with respect to inputs, with cotangents given, through shared weights and skip connections", async () => {
    const g = new GraphBuilder("shared");
    const [x, w, rows] = [g.input("x", ["N", 3]), g.input("w", [3, 3]), g.input("rows", ["N"], "int64")];
    const first = g.tanh(g.matMul(x, w));
    const second = g.sin(g.matMul(g.gather(first, rows, 0), w));
    const third = g.softmax(g.matMul(g.mul(second, first), w));
    g.output("early", second);
    g.output("late", g.add(g.mul(third, first), x));
    const { graph } = g.build();
    const feeds: Record<string, TestTensor> = {
      ...feedsOf({ graph, parameters: [] }, 4),
      rows: { shape: [4], data: BigInt64Array.of(3n, 0n, 0n, 2n) },
    };
    const options = { wrt: ["x", "w", first.name] };
    const plain = vjp(graph, options);
    for (const [output, input] of plain.cotangents) {
      feeds[input] = { shape: [4, 3], data: Float32Array.from({ length: 12 }, (_, i) => output.length - i) };
    }
    for (const checkpoint of [2, 3, 4, "auto", [first.name], [first.name, third.name]] as const) {
      const result = vjp(graph, { ...options, checkpoint });
      expect(result.cotangents).toEqual(plain.cotangents);
      expect(result.gradients).toEqual(plain.gradients);
      await expectSameBits(plain.graph, result.graph, feeds);
    }
  });

  test("named values end segments, and are kept", () => {
    const definition = denseStack({ depth: 4, width: 3, batch: "N" });
    const activations = definition.graph.nodes.filter((node) => node.op === "Mul").map((node) => node.outputs[0]!);
    const { graph } = vjp(definition.graph, { ...lossOf(definition), checkpoint: activations.slice(0, 3) });
    // Three segments of a linear map and its SiLU, whose last product is kept.
    expect(repeated(graph).sort()).toEqual(["Gemm", "Gemm", "Gemm", "Sigmoid", "Sigmoid", "Sigmoid"]);
  });

  test.each(["mini_unet", "gnn", "text_encoder"])("the exported %s", async (network) => {
    const stored = parseOnnx(await loadFixtureBytes(`packages/nn/test/fixtures/${network}.onnx.gz`));
    const graph = thaw(stored);
    const golden = await loadFixture<{ inputs: Record<string, { shape: number[]; dtype: string; base64: string }> }>(
      `packages/nn/test/fixtures/${network}.json.gz`,
    );
    const feeds: Record<string, TestTensor> = Object.fromEntries(parameterValues(stored)) as Record<string, TestTensor>;
    for (const [name, { shape, dtype, base64 }] of Object.entries(golden.inputs)) {
      const { buffer } = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      feeds[name] = { shape, data: dtype === "int64" ? new BigInt64Array(buffer) : new Float32Array(buffer) };
    }
    const options: VjpOptions = { wrt: graph.parameters, cotangents: "ones" };
    const plain = vjp(graph, options).graph;
    for (const checkpoint of [3, "auto"] as const) {
      await expectSameBits(plain, vjp(graph, { ...options, checkpoint }).graph, feeds);
    }
  });
});

test("a U-Net with attention and skip connections has the same bits as a network trains it", async () => {
  const definition = unet2d({
    sampleSize: 8,
    blockOutChannels: [8, 8],
    layersPerBlock: 1,
    normNumGroups: 4,
    downBlockTypes: ["DownBlock2D", "AttnDownBlock2D"],
    upBlockTypes: ["AttnUpBlock2D", "UpBlock2D"],
  });
  const network = Network.initialize(definition, RandomKey.fromSeed(1), { engine });
  const build: BuildLoss = (g, { output }) =>
    meanSquaredError(g, { prediction: output!, target: g.input("target", output!.shape) });
  const image = (seed: number): Tensor => new Tensor(pseudoRandom(seed, 2 * 3 * 64), [2, 3, 8, 8]);
  const feeds = { x: image(1), t: Tensor.from([0.2, 0.7]), target: image(2) };
  const { loss } = await network.lossGradient(build).run(feeds);
  const gradients = network.gradients.data.slice();
  network.gradients.data.fill(0);
  expect((await network.lossGradient(build, { checkpoint: "auto" }).run(feeds)).loss).toBe(loss);
  expect(firstDifference(network.gradients.data, gradients)).toBe(-1);
});

describe("what a runtime could undo", () => {
  const definition = convolutionStack({ depth: 6, width: 4, batch: "N" });
  const { graph } = vjp(definition.graph, { ...lossOf(definition), checkpoint: 3 });
  const made = producers(graph);

  /** Whether a value follows from another. */
  function follows(value: string, from: (name: string) => boolean, seen = new Set<string>()): boolean {
    if (from(value)) {
      return true;
    }
    if (seen.has(value)) {
      return false;
    }
    seen.add(value);
    return made.get(value)?.inputs.some((input) => follows(input, from, seen)) ?? false;
  }

  test("no twin reads what its first did, and each waits for the loss", () => {
    const twins = graph.nodes.filter((node) => node.name.includes(":again"));
    expect(twins.length).toBeGreaterThan(10);
    for (const twin of twins) {
      const first = graph.nodes.find((node) => node.name === twin.name.replace(/:again.*/, ""))!;
      expect(twin.inputs).not.toEqual(first.inputs);
      expect(follows(twin.outputs[0]!, (name) => name === "y")).toBe(true);
    }
  });

  test("a segment waits for the gradients of the parameters of the segments after it", () => {
    const twinOfFirst = graph.nodes.find(
      (node) => node.name.includes(":again") && node.inputs.includes("layers.0.conv.weight"),
    )!;
    for (const layer of [4, 5]) {
      const gradient = `grad:layers.${layer}.conv.weight`;
      expect(follows(twinOfFirst.outputs[0]!, (name) => name === gradient)).toBe(true);
    }
  });
});

test("a graph with checkpoints is differentiated again like any other", async () => {
  const g = new GraphBuilder("twice");
  const x = g.input("x", ["N", 2]);
  const w = g.input("w", [2, 2]);
  let h = x;
  for (let i = 0; i < 4; i++) {
    h = silu(g, g.matMul(h, w));
  }
  g.output("y", h);
  const { graph } = vjp(g.build().graph, { wrt: ["x", "w"], checkpoint: 2, keep: [] });
  expect(repeated(graph).length).toBeGreaterThan(0);
  const feeds = { ...feedsOf({ graph, parameters: [] }, 2) };
  await checkGradients(graph, feeds, { order: 1, tolerance: 3e-3 });
});

test("refuses numbers and names that cut nothing", () => {
  const definition = denseStack({ depth: 2, width: 2, batch: 1 });
  const cut = (checkpoint: Checkpointing) => () => vjp(definition.graph, { ...lossOf(definition), checkpoint });
  expect(cut(0)).toThrow(ArgumentError);
  expect(cut(1.5)).toThrow(/number of segments must be a whole number >= 1, got 1.5/);
  expect(cut(["gem"])).toThrow(/no node of the graph makes a value "gem"; did you mean "gemm"\?/);
  expect(cut(["x"])).toThrow(/no node of the graph makes a value "x"/);
});
