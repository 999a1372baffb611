import { ArgumentError, IncompatibleError, RandomKey, Tensor } from "@diffusiongym/core";
import { afterAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import {
  conv1d,
  conv2d,
  embedding,
  GraphBuilder,
  linear,
  meanSquaredError,
  mlp,
  silu,
} from "../../src/builder/index.js";
import { Engine } from "../../src/engine/index.js";
import { addLora, type LoraOptions, mergeLora, type PeftFiles } from "../../src/lora/index.js";
import { Network } from "../../src/network/index.js";
import { Adam } from "../../src/optimizers/index.js";
import { Parameters } from "../../src/parameters/index.js";
import { directionalDerivative, dot, wave } from "../network/finite-differences.js";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.dispose());

/** A product in every form that graphs hold: Gemm either way, MatMul on tokens and on a stored [in, out], convolutions. */
function everyForm(): Network {
  const g = new GraphBuilder("forms");
  const x = g.input("x", ["N", 4]);
  const inOut = g.parameter("in_out", [4, 6], { kind: "uniform", low: -0.5, high: 0.5 });
  const bias = g.parameter("bias", [6], { kind: "uniform", low: -0.5, high: 0.5 });
  const gemm = silu(g, linear(g, x, { name: "gemm", out: 6 }));
  const other = g.add(g.matMul(x, inOut), bias);
  const turned = g.gemm(x, g.parameter("gemm_in_out", [4, 6], { kind: "uniform", low: -0.5, high: 0.5 }), {
    alpha: 0.5,
  });
  const joined = g.add(g.add(gemm, silu(g, other)), turned);
  const tokens = linear(g, g.reshape(joined, [-1, 3, 2]), { name: "tokens", out: 4 });
  const image = g.reshape(tokens, [-1, 3, 2, 2]);
  const grouped = conv2d(g, conv2d(g, image, { name: "conv", out: 4, kernel: 3, padding: 1, stride: 1 }), {
    name: "grouped",
    out: 4,
    kernel: 1,
    groups: 2,
  });
  const signal = g.reshape(grouped, [-1, 2, 8]);
  g.output("y", conv1d(g, signal, { name: "signal", out: 2, kernel: 2, dilation: 2, stride: 3, padding: 1 }));
  return Network.initialize(g.build(), RandomKey.fromSeed(3), { engine });
}

const inputs = { x: new Tensor(wave(20, 1), [5, 4]) };
const options: LoraOptions = { rank: 2, alpha: 3, key: RandomKey.fromSeed(5) };

/** Adapters that are not zero. */
function trained(network: Network): Network {
  network.parameters.data.set(wave(network.parameters.size, 4).map((value) => 0.4 * value));
  return network;
}

describe("withLora", () => {
  test("has A and B of every product as its only parameters, in PyTorch's shapes", () => {
    const adapted = everyForm().withLora(options);
    expect(adapted.parameters.shapes()).toEqual(
      [
        { name: "in_out.lora_A.weight", shape: [2, 4] },
        { name: "in_out.lora_B.weight", shape: [6, 2] },
        { name: "gemm.lora_A.weight", shape: [2, 4] },
        { name: "gemm.lora_B.weight", shape: [6, 2] },
        { name: "gemm_in_out.lora_A.weight", shape: [2, 4] },
        { name: "gemm_in_out.lora_B.weight", shape: [6, 2] },
        { name: "tokens.lora_A.weight", shape: [2, 2] },
        { name: "tokens.lora_B.weight", shape: [4, 2] },
        { name: "conv.lora_A.weight", shape: [2, 3, 3, 3] },
        { name: "conv.lora_B.weight", shape: [4, 2, 1, 1] },
        { name: "grouped.lora_A.weight", shape: [2, 4, 1, 1] },
        { name: "grouped.lora_B.weight", shape: [4, 1, 1, 1] },
        { name: "signal.lora_A.weight", shape: [2, 2, 2] },
        { name: "signal.lora_B.weight", shape: [2, 2, 1] },
      ].sort((a, b) => adapted.parameters.names.indexOf(a.name) - adapted.parameters.names.indexOf(b.name)),
    );
    expect(adapted.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(adapted.graph.initializers.has("gemm.weight")).toBe(true);
  });

  test("gives what the base gives, to the bit, while B is zero", async () => {
    const network = everyForm();
    // The base with its parameters packed as they are in the adapted network.
    const base = (await network.freeze().run(inputs)).y!;
    expect((await network.withLora(options).run(inputs)).y).toEqual(base);
    expectAllClose((await network.run(inputs)).y!.data as Float32Array, base.data as Float32Array, { absolute: 1e-6 });
  });

  test("starts A on +-1/sqrt(fan in), by module and key, and B at zero", () => {
    const network = everyForm();
    const { parameters } = network.withLora({ ...options, rank: 8 });
    const a = parameters.get("conv.lora_A.weight").data;
    const bound = 1 / Math.sqrt(27);
    expect(Math.max(...a.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...a.map(Math.abs))).toBeGreaterThan(0.95 * bound);
    expect(parameters.get("conv.lora_B.weight").data).toEqual(new Float32Array(32));
    expect(
      network.withLora({ ...options, rank: 8, targets: "conv" }).parameters.get("conv.lora_A.weight").data,
    ).toEqual(a);
    expect(network.withLora({ rank: 8 }).parameters.get("conv.lora_A.weight").data).not.toEqual(a);
  });

  test("its gradients are those of finite differences, and the base does not move", async () => {
    const network = everyForm();
    const before = network.parameters.data.slice();
    const adapted = trained(network.withLora(options));
    const shape = (await adapted.run(inputs)).y!.shape;
    const feeds = {
      ...inputs,
      target: new Tensor(
        wave(
          shape.reduce((a, b) => a * b),
          2,
        ),
        shape,
      ),
    };
    const fit = adapted.lossGradient((g, { y }) =>
      meanSquaredError(g, { prediction: y!, target: g.input("target", y!.shape) }),
    );
    await fit.run(feeds);
    const gradients = adapted.gradients.clone();
    const direction = wave(adapted.parameters.size, 9);
    const loss = async (): Promise<number> => (await fit.run(feeds)).loss;
    const slope = await directionalDerivative(loss, adapted.parameters.data, direction, 1e-2);
    expect(Math.abs(dot(gradients.data, direction) - slope)).toBeLessThan(1e-2 * Math.abs(slope));
    const optimizer = new Adam(adapted.parameters, { learningRate: 0.02 });
    const start = await loss();
    for (let step = 0; step < 60; step++) {
      await fit.run(feeds);
      optimizer.update(adapted.gradients);
    }
    expect(await loss()).toBeLessThan(0.5 * start);
    expect(network.parameters.data).toEqual(before);
    expect(adapted.lora!.base.parameters.data).toEqual(before);
  });

  test("a clone shares the graphs and has adapters of its own", async () => {
    const adapted = everyForm().withLora(options);
    const copy = trained(adapted.clone());
    expect(copy.lora).toBe(adapted.lora);
    expect((await copy.run(inputs)).y).not.toEqual((await adapted.run(inputs)).y);
    expect(adapted.parameters.get("gemm.lora_B.weight").data).toEqual(new Float32Array(12));
  });

  test("is saved as ONNX with its adapters, which are trainable when it is loaded", async () => {
    const adapted = trained(everyForm().withLora(options));
    const loaded = Network.load(adapted.save(), { engine });
    expect(loaded.parameters.names).toEqual(adapted.parameters.names);
    expect((await loaded.run(inputs)).y).toEqual((await adapted.run(inputs)).y);
  });
});

describe("targets", () => {
  const modulesOf = (targets: NonNullable<LoraOptions["targets"]>): string[] =>
    everyForm()
      .withLora({ rank: 2, targets })
      .lora!.modules.map(({ module }) => module)
      .sort();

  test("are names, ends of names, patterns, expressions and lists of these", () => {
    expect(modulesOf("gemm")).toEqual(["gemm"]);
    expect(modulesOf("gemm.weight")).toEqual(["gemm"]);
    expect(modulesOf("g*")).toEqual(["gemm", "gemm_in_out", "grouped"]);
    expect(modulesOf(/^(conv|signal)$/g)).toEqual(["conv", "signal"]);
    expect(modulesOf(["tokens", "*in_out"])).toEqual(["gemm_in_out", "in_out", "tokens"]);
    expect(modulesOf("all").length).toBe(7);
    const network = Network.initialize(
      mlp({ inDim: 2, width: 4, depth: 2, condDim: 4, timeDim: 4 }),
      RandomKey.fromSeed(1),
      { engine },
    );
    expect(network.withLora({ targets: ["linear", "head"] }).lora!.modules.map(({ module }) => module)).toEqual([
      "blocks.0.linear",
      "blocks.1.linear",
      "head",
    ]);
  });

  test("that match nothing are refused, with the nearest module", () => {
    const network = everyForm();
    expect(() => network.withLora({ targets: "token" })).toThrow(ArgumentError);
    expect(() => network.withLora({ targets: "token" })).toThrow(
      /"token" matches none of the 7 weights .*did you mean "tokens"\?/,
    );
    expect(() => network.withLora({ targets: "*.bias" })).toThrow(/matches none/);
    expect(() => network.withLora({ rank: 0 })).toThrow(/rank of ".*" is 0; it must be a whole number >= 1/);
    expect(() => network.withLora({ rank: 3, targets: "grouped" })).toThrow(/that its 2 groups divide/);
    expect(() => network.withLora({ alpha: Number.NaN })).toThrow(/alpha of ".*" is NaN/);
    expect(() => network.withLora({ rank: 2 }).withLora({ rank: 2 })).toThrow(
      /has adapters already; merge these first/,
    );
    expect(() => network.mergeLora()).toThrow(/has no adapters; withLora\(\)/);
  });

  test("that something else reads, too, are refused by name", () => {
    const g = new GraphBuilder("tied");
    const table = g.parameter("table", [5, 3], { kind: "uniform", low: -1, high: 1 });
    const row = g.gather(table, g.input("index", ["N"], "int64"), 0);
    g.output("y", g.gemm(row, table, { transB: true }));
    g.output(
      "z",
      linear(g, embedding(g, g.value("index"), { name: "rows", count: 5, dim: 3 }), { name: "head", out: 2 }),
    );
    const network = Network.initialize(g.build(), RandomKey.fromSeed(1), { engine });
    expect(() => network.withLora({ targets: "table" })).toThrow(
      /only "table", which cannot be adapted: it is also read by Gather/,
    );
    expect(network.withLora().lora!.modules.map(({ module }) => module)).toEqual(["head"]);
  });
});

describe("merging", () => {
  /** Without the convolution in groups. */
  const mergeable = { ...options, targets: ["gemm", "*in_out", "tokens", "conv", "signal"] };

  test("gives the same network without branches, and the same bits each time", async () => {
    const network = everyForm();
    const adapted = trained(network.withLora(mergeable));
    const merged = adapted.mergeLora();
    expect(merged.parameters.names).toEqual(network.parameters.names);
    expect(merged.graph).toEqual(network.graph);
    expect(merged.lora).toBeUndefined();
    const expected = (await adapted.run(inputs)).y!.data as Float32Array;
    expectAllClose((await merged.run(inputs)).y!.data as Float32Array, expected, { absolute: 2e-6, relative: 2e-6 });
    expect((await network.run(inputs)).y!.data).not.toEqual(expected);
    expect(adapted.mergeLora().parameters.data).toEqual(merged.parameters.data);
    expect(adapted.withoutLora().parameters.data).toEqual(network.parameters.data);
  });

  test("rounds each weight once", () => {
    const { graph, parameters } = everyForm();
    const { adapter, parameters: adapters } = addLora(
      { graph, parameters },
      { rank: 2, alpha: 3, targets: ["gemm", "in_out"] },
    );
    adapters.data.set(wave(adapters.size, 8));
    const merged = mergeLora(adapter, adapters).parameters;
    for (const [name, module, at] of [
      ["gemm.weight", "gemm", (o: number, i: number) => o * 4 + i],
      ["in_out", "in_out", (o: number, i: number) => i * 6 + o],
    ] as const) {
      const a = adapters.get(`${module}.lora_A.weight`).data;
      const b = adapters.get(`${module}.lora_B.weight`).data;
      for (let o = 0; o < 6; o++) {
        for (let i = 0; i < 4; i++) {
          const sum = b[2 * o]! * a[i]! + b[2 * o + 1]! * a[4 + i]!;
          expect(merged.get(name).data[at(o, i)]).toBe(Math.fround(parameters.get(name).data[at(o, i)]! + 1.5 * sum));
        }
      }
    }
  });

  test("refuses convolutions in groups, whose adapters read all channels", () => {
    expect(() => everyForm().withLora({ rank: 2, targets: "grouped" }).mergeLora()).toThrow(IncompatibleError);
  });

  test("adapts weights that are stored and not trained, too", async () => {
    const network = everyForm().freeze();
    const adapted = trained(network.withLora(mergeable));
    const merged = adapted.mergeLora();
    const expected = (await adapted.run(inputs)).y!.data as Float32Array;
    expectAllClose((await merged.run(inputs)).y!.data as Float32Array, expected, { absolute: 2e-6, relative: 2e-6 });
  });
});

test("files in the layout of PEFT give the same network back", async () => {
  const network = everyForm();
  const adapted = trained(network.withLora({ ...options, rankStabilized: true }));
  const files = adapted.saveLora();
  expect(files.config).toMatchObject({ peft_type: "LORA", r: 2, lora_alpha: 3, use_rslora: true, bias: "none" });
  expect(files.config.target_modules).toEqual(adapted.lora!.modules.map(({ module }) => module));
  expect(Parameters.fromSafetensors(files.weights).names).toContain("base_model.model.tokens.lora_A.weight");
  const loaded = network.withLora({ ...files, config: JSON.parse(JSON.stringify(files.config)) });
  expect(loaded.parameters.data).toEqual(adapted.parameters.data);
  expect(loaded.lora!.modules).toEqual(adapted.lora!.modules);
  expect((await loaded.run(inputs)).y).toEqual((await adapted.run(inputs)).y);
});

describe("files that do not fit are refused in words", () => {
  const network = everyForm();
  const { weights, config } = network.withLora({ rank: 2, targets: "tokens" }).saveLora();
  const withTensors = (...names: string[]): Uint8Array<ArrayBuffer> =>
    Parameters.from(names.map((name) => [name, new Tensor(new Float32Array(4), [2, 2])] as const)).toSafetensors();

  test.each([
    ["another kind of adapter", { config: { ...config, peft_type: "IA3" } }, /"IA3".*only "LORA"/],
    ["DoRA", { config: { ...config, use_dora: true } }, /use_dora true; only false/],
    ["biases", { config: { ...config, bias: "all" } }, /bias "all"; only "none"/],
    ["another rank", { config: { ...config, r: 3 } }, /lora_A.weight" has the shape \[3, 2\] and was given \[2, 2\]/],
    [
      "a module that is not there",
      { weights: withTensors("base_model.model.token.lora_A.weight", "base_model.model.token.lora_B.weight") },
      /adapts "token", and the network has no such weight .*did you mean "tokens"/,
    ],
    [
      "half a module",
      { weights: withTensors("base_model.model.tokens.lora_A.weight") },
      /lora_A of "tokens" and not the other/,
    ],
    [
      "other tensors",
      { weights: withTensors("base_model.model.tokens.weight") },
      /holds "base_model.model.tokens.weight"; only/,
    ],
  ])("%s", (_, files, message) => {
    expect(() => network.withLora({ weights, config, ...files } as PeftFiles)).toThrow(message);
  });
});
