import { ArgumentError } from "@diffusiongym/core";
import { describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixtureBytes } from "../../../../tooling/test/fixtures.js";
import { Network } from "../../src/network/index.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { Parameters } from "../../src/parameters/index.js";
import { readSafetensors } from "../../src/safetensors/index.js";
import { runGraph } from "../ops/run-graph.js";
import { expectedOf, exported } from "./exports.js";

describe.each(["script", "dynamo"])("what PyTorch's %s exporter writes", (kind) => {
  test("keeps its names unless asked, and gives the module's numbers", async () => {
    const { x, y } = await expectedOf("names");
    const file = await exported(`names.${kind}.onnx`);
    const read = parseOnnx(file);
    expect(read.nodes.every(({ opaque }) => opaque === undefined)).toBe(true);
    expect(read.parameters.filter((name) => /^(onnx::|val_)/.test(name)).length).toBeGreaterThan(6);
    expectAllClose((await runGraph(read, { x })).y!.data as Float32Array, y, { absolute: 1e-5 });
  });

  test("gets the names and layouts of the state dict, which can be saved, changed and loaded back", async () => {
    const { x, y } = await expectedOf("names");
    const network = Network.load(await exported(`names.${kind}.onnx`), { names: "pytorch" });
    const state = readSafetensors(await exported("names.safetensors")).tensors;
    const linears = ["blocks.0.linear", "blocks.0.ff.0", "blocks.0.ff.2", "blocks.1.linear", "blocks.1.ff.2", "head"];
    for (const name of linears.map((module) => `${module}.weight`)) {
      expect(network.parameters.get(name).shape).toEqual(state.get(name)!.shape);
      expect(network.parameters.get(name).data).toEqual(state.get(name)!.data);
    }
    for (const name of ["group.weight", "group.bias"]) {
      expect(network.parameters.get(name).shape).toEqual([8]);
      expect(network.parameters.get(name).data).toEqual(state.get(name)!.data);
    }
    // Convolutions have their batch norm in them by now; the layout is the module's all the same.
    expect(network.parameters.get("conv.weight").shape).toEqual([8, 4, 3]);
    expect(network.parameters.names.every((name) => /\.(weight|bias)$/.test(name))).toBe(true);
    const loaded = Parameters.fromSafetensors(network.parameters.toSafetensors());
    expect(loaded.names.length).toBe(network.parameters.names.length);
    network.parameters.loadSafetensors(network.parameters.toSafetensors());
    const again = Network.load(network.save());
    expect(again.parameters.names).toEqual(network.parameters.names);
    for (const { graph } of [network.freeze(), again.freeze()]) {
      expectAllClose((await runGraph(graph, { x })).y!.data as Float32Array, y, { absolute: 1e-5 });
    }
  });
});

describe("names of one's own", () => {
  test("by a map, matrices the other way round where asked", async () => {
    const { x, y } = await expectedOf("names");
    const file = await exported("names.script.onnx");
    const stored = parseOnnx(file).initializers.get("onnx::MatMul_92")!;
    const read = parseOnnx(file, {
      names: "pytorch",
      rename: { "onnx::MatMul_92": { name: "classifier.weight", transpose: true }, "head.bias": "classifier.bias" },
      trainable: "classifier.*",
    });
    expect(read.parameters).toEqual(["classifier.bias", "classifier.weight"]);
    const turned = read.initializers.get("classifier.weight")!;
    expect([stored.shape, turned.shape]).toEqual([
      [8, 2],
      [2, 8],
    ]);
    expect(turned.data[1]).toBe(stored.data[2]);
    expectAllClose((await runGraph(read, { x })).y!.data as Float32Array, y, { absolute: 1e-5 });
  });

  test("that do not exist, exist twice, or do not fit are refused", async () => {
    const file = await exported("names.script.onnx");
    expect(() => parseOnnx(file, { rename: { "head.bia": "b" } })).toThrow(/did you mean "head.bias"/);
    expect(() => parseOnnx(file, { rename: { "head.bias": "blocks.0.linear.bias" } })).toThrow(ArgumentError);
    expect(() => parseOnnx(file, { rename: { "head.bias": { name: "b", transpose: true } } })).toThrow(/only matrices/);
    expect(() => parseOnnx(file, { rename: { "head.bias": { name: "b", shape: [3] } } })).toThrow(/has 2 entries/);
  });
});

test("a bias tells the name of the weight beside it where modules do not", async () => {
  const file = await loadFixtureBytes("packages/nn/test/fixtures/exported/attention.script17.onnx.gz");
  const { parameters } = parseOnnx(file, { names: "pytorch" });
  for (const bias of parameters.filter((name) => name.endsWith("bias") && !name.includes("norm"))) {
    expect(parameters).toContain(bias.replace(/bias$/, "weight"));
  }
  expect(parameters.filter((name) => name.startsWith("onnx::"))).toEqual([]);
});

test("a whole U-Net of diffusers gets back every name", async () => {
  const file = await loadFixtureBytes("packages/nn/test/fixtures/exported/unet2d.script17.onnx.gz");
  const { parameters, initializers } = parseOnnx(file, { names: "pytorch" });
  expect(parameters.filter((name) => !/^inner\.[\w.]+\.(weight|bias)$/.test(name))).toEqual([]);
  expect(initializers.get("inner.down_blocks.1.attentions.0.group_norm.weight")!.shape).toEqual([8]);
  expect(initializers.get("inner.down_blocks.1.attentions.0.to_q.weight")!.shape).toEqual([8, 8]);
});
